"""A card for each checkpoint: what it is, how good it is, where it comes from, and what can be done with it."""

import html

import streamlit as st

from app import checkpoints, resources, state
from app.checkpoints import Entry, LabelSet
from app.components import cards, picker
from app.components.text import origin, plain, section
from app.state.checkpoints import News
from fgcore.runs import store

_COLUMNS, _NARROWEST = 2, 340  # cards in a row, and the pixels that each needs


def label_set_cards(label_set: LabelSet) -> None:
    """All checkpoints that know the same classes."""
    count = len(label_set.entries)
    together = f"{count} checkpoints. They know the same classes, so they can be compared on one image."
    section(plain(label_set.title), together if count > 1 else "One checkpoint.")
    with st.expander("The classes"):
        st.html(f'<p class="fg-small">{html.escape(", ".join(label_set.class_names))}</p>')
    with st.grid(_COLUMNS, min_column_width=_NARROWEST, border=True, gap="medium"):
        for entry in label_set.entries:
            with st.container():
                _card(entry, label_set)


def _card(entry: Entry, label_set: LabelSet) -> None:
    st.html(f'<div class="fg-model"><h4>{html.escape(entry.title)}</h4>{_accuracy(entry)}</div>')
    st.html(origin(_facts(entry)))
    command = entry.checkpoint.provenance.get("command")
    if isinstance(command, str) and command:
        st.caption("The command that trained it:")
        st.code(command, language=None, wrap_lines=True)
    with st.container(horizontal=True):
        if st.button("Inspect with this", icon=":material/search:", key=f"own-inspect-{entry.key}"):
            st.switch_page(state.page("inspect"), query_params=picker.address(label_set, entry))
        st.download_button(
            "Download", icon=":material/download:", file_name=f"{entry.name}{store.ENDING}", on_click="ignore",
            mime="application/octet-stream", key=f"own-download-{entry.key}", data=entry.path.read_bytes,
        )  # fmt: skip
        if checkpoints.own(entry):
            _deletion(entry)


def _deletion(entry: Entry) -> None:
    with st.popover("Delete", icon=":material/delete:", key=f"own-ask-{entry.key}"):
        st.markdown(f"Delete **{plain(entry.path.name)}** from the server? This cannot be undone.")
        st.button("Delete it for good", type="primary", key=f"own-delete-{entry.key}", on_click=_delete, args=(entry,))


def _delete(entry: Entry) -> None:
    """Callback: delete an uploaded checkpoint, whatever else this or another session does with it."""
    try:
        store.remove(checkpoints.uploads(), entry.path)
    except resources.EXPECTED as error:
        reason = getattr(error, "strerror", None)
        state.checkpoints.tell_news(
            News(False, f"{entry.path.name} was not deleted: {reason}" if reason else str(error))
        )
        return
    state.checkpoints.tell_news(News(True, f"{entry.path.name} was deleted."))


def _accuracy(entry: Entry) -> str:
    """Top-1 in large, and what it was measured on."""
    test = cards.scores(entry)
    if not test:
        return '<div class="fg-answer"><b>Accuracy unknown</b></div>'
    top5 = f", top-5 {100 * test['top5']:.1f} %" if isinstance(test.get("top5"), float) else ""
    images = str(test.get("data") or f"{test.get('images', '?')} test images")
    return (
        f'<div class="fg-answer"><b>{100 * test["top1"]:.1f} % top-1{top5}</b></div>'
        f'<div class="fg-muted fg-small">Measured on {html.escape(images)}, as the file says.</div>'
    )


def _facts(entry: Entry) -> dict[str, str]:
    provenance, facts = entry.checkpoint.provenance, cards.origin_facts(entry)
    facts.pop("Accuracy")
    facts.pop("Computed in")
    if not provenance.get("date"):
        facts["Made"] = ""
    return facts | {
        "Trained on": facts["Trained on"].partition(";")[0],  # the rest is what it was tested on
        "sha256": entry.checkpoint.sha256,
        "Size": f"{entry.path.stat().st_size / 1e6:.1f} MB",
        "Kept": _place(entry),
    }


def _place(entry: Entry) -> str:
    if checkpoints.own(entry):
        return "brought by a visitor; may be deleted"
    return f"with training run {entry.name}" if entry.path.stem == "best" else "in the server's folder"
