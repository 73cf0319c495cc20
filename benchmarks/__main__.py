"""`python -m benchmarks [PART ...]`: time, print a table, write JSON."""

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path

import torch

from benchmarks import ap_cnn, freeze, fuzz, machine, mc_loss, timing, trunks
from fgcore.machine import runtime

PARTS = {
    "mc_loss": mc_loss.measure,
    "ap_cnn": ap_cnn.measure,
    "machine": machine.measure,
    "freeze": freeze.measure,
    "fuzz": fuzz.measure,
    "trunks": trunks.measure,
}
LONG = {"trunks"}  # hours: measured only when asked for by name
RESULTS = Path(__file__).resolve().parent / "results"


def main() -> None:
    """Measure the parts asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; default: all but {', '.join(LONG)}"
    )
    parser.add_argument("--repeats", type=int, default=9, help="rounds of the quick rows")
    parser.add_argument("--device", default="")
    parser.add_argument("--threads", type=int, default=0, help="of the CPU; default: torch's choice")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the JSON files")
    arguments = parser.parse_args()
    if wrong := set(arguments.parts) - PARTS.keys():
        parser.error(f"no part is called {sorted(wrong)[0]}; choose from {', '.join(PARTS)}")
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    device = runtime.pick_device(arguments.device)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for part in arguments.parts or [part for part in PARTS if part not in LONG]:
        torch.manual_seed(0)
        rows = PARTS[part](device, arguments.repeats)
        result = {
            "part": part,
            "command": f"python -m benchmarks {part} --repeats {arguments.repeats}",
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": timing.machine(device),
            "rows": rows,
        }
        path = arguments.out / f"{part}-{device.type}.json"
        path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        print(table(rows), f"-> {path}", sep="\n", flush=True)


def table(rows: list[dict]) -> str:
    """Markdown."""
    lines = ["| what | ratio (lowest - highest) | of what | target |", "|---|---|---|---|"]
    for row in rows:
        of = row.get("ratio")
        shown = f"{of['median']:.3g} ({of['lowest']:.3g} - {of['highest']:.3g})" if of else str(row["count"])
        lines.append(f"| {row['what']} | {shown} | {row['meaning']} | {row.get('target', '')} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
