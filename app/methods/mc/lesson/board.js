// Handles move at once; positions are reported while one moves, at most every PAUSE milliseconds, and when it is let go.
const PAUSE = 150;
const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

export default function ({ data, parentElement, setStateValue }) {
  const board = parentElement.querySelector(".board");
  board.querySelector("img").src = data.picture;
  if (board.handles) return;  // only the visitor moves them once they are there

  const side = data.side;
  const centres = data.centres.map((centre) => [...centre]);
  const clamp = (value) => Math.round(10 * Math.min(Math.max(value, 0), side - 1)) / 10;
  let last = 0, later = null;
  const report = () => {
    clearTimeout(later);
    later = null;
    last = Date.now();
    setStateValue("centres", centres.map((centre) => [...centre]));
  };
  const soon = () => { later ??= setTimeout(report, Math.max(0, last + PAUSE - Date.now())); };

  board.handles = centres.map((centre, number) => {
    const handle = document.createElement("button");
    handle.type = "button";
    handle.className = "handle";
    handle.textContent = number + 1;
    handle.style.background = data.colours[number];
    const place = () => {
      handle.style.top = `${(100 * (centre[0] + 0.5)) / side}%`;
      handle.style.left = `${(100 * (centre[1] + 0.5)) / side}%`;
      handle.setAttribute("aria-label",
        `Blob ${number + 1}, row ${Math.round(centre[0]) + 1}, column ${Math.round(centre[1]) + 1}; arrow keys move it`);
    };
    const move = (row, column) => {
      centre[0] = clamp(row);
      centre[1] = clamp(column);
      place();
      soon();
    };
    handle.onpointerdown = (event) => handle.setPointerCapture(event.pointerId);
    handle.onpointermove = (event) => {
      if (!handle.hasPointerCapture(event.pointerId)) return;
      const box = board.getBoundingClientRect();
      move(((event.clientY - box.top) / box.height) * side - 0.5, ((event.clientX - box.left) / box.width) * side - 0.5);
    };
    handle.onpointerup = report;
    handle.onkeydown = (event) => {
      const step = MOVES[event.key];
      if (!step) return;
      event.preventDefault();
      move(centre[0] + step[0], centre[1] + step[1]);
    };
    place();
    board.appendChild(handle);
    return handle;
  });
}
