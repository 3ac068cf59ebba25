// Waveforms: what the API tells of a song's loudness, as an SVG that follows the theme.
import { api, el } from "./site.js";

const BARS = 96;
const AT_ONCE = 2; // songs that the server decodes for us
const KEPT = 400;
const known = new Map();
const waiting = [];
let running = 0;

/** A waveform; it fills itself when `show` is called on it, and shows how far a song is. */
export function wave(item) {
  const layer = (name) => el("svg", {
    class: name, viewBox: `0 0 ${BARS} 100`, preserveAspectRatio: "none", "aria-hidden": "true",
  }, el("path", { d: line(Array(BARS).fill(0)) }));
  const made = el("div", { class: "wave" }, layer("all"), layer("played"));
  made.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    const box = made.getBoundingClientRect();
    const fraction = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    made.dispatchEvent(new CustomEvent("seek", { bubbles: true, detail: fraction }));
  });
  if (item) fill(made, item);
  return made;
}

export function fill(made, item) {
  made.dataset.of = item.artifact_id;
  draw(made, Array(BARS).fill(0));
  const ready = known.get(item.artifact_id);
  if (ready) draw(made, ready);
  else if (item.peaks_url) {
    waiting.push({ made, item, tries: 0 });
    work();
  }
}

export const reached = (made, fraction) => {
  made.style.setProperty("--at", `${100 - 100 * fraction}%`);
};

const line = (peaks) => peaks.map((peak, at) => {
  const half = Math.max(1.5, 48 * peak);
  return `M${at + 0.5} ${(50 - half).toFixed(1)}V${(50 + half).toFixed(1)}`;
}).join("");

function draw(made, peaks) {
  const shape = line(peaks);
  for (const path of made.querySelectorAll("path")) path.setAttribute("d", shape);
}

async function work() {
  if (running === AT_ONCE) return;
  const next = waiting.pop(); // what came into sight last
  if (!next) return;
  const { made, item } = next;
  const isWanted = () => made.isConnected && made.dataset.of === String(item.artifact_id);
  running += 1;
  await new Promise((done) => { setTimeout(done, next.tries * 500); });
  try {
    if (isWanted()) {
      const { peaks } = await api(`${item.peaks_url}?n=${BARS}`);
      if (!peaks) { // other songs are being measured
        if (next.tries < 20) waiting.unshift({ ...next, tries: next.tries + 1 });
        return;
      }
      const loudest = Math.max(...peaks, 0.01);
      known.set(item.artifact_id, peaks.map((peak) => peak / loudest));
      if (known.size > KEPT) known.delete(known.keys().next().value);
      if (isWanted()) draw(made, known.get(item.artifact_id));
    }
  } catch {
    // Without peaks there is a flat line; the song can still be played.
  } finally {
    running -= 1;
    work();
  }
}
