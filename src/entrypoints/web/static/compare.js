// The comparison of prompts: its pictures open in the viewer, and it follows the renders.
import { api, base, complain, poll } from "./site.js";

const LOOK = 3000; // milliseconds between looks while prompts are rendered
const label = new URLSearchParams(location.search).get("label");

/** The pictures of the page in their order, as the viewer wants them. */
class Pictures {
  constructor(items) {
    this.items = items;
    this.kinds = items.map((item) => item.kind);
  }

  get(index) { return Promise.resolve(this.items[index]); }

  find(from, step) {
    const index = from + step;
    return Promise.resolve(index in this.items ? index : -1);
  }
}

let viewer = null, opened = null;
const links = () => [...document.querySelectorAll("#comparison .open")];

async function open(link) {
  const place = links().indexOf(link);
  const [{ prompts }, { Viewer }] = await Promise.all([
    api(`${base}/api/v1/comparison?label=${encodeURIComponent(label)}`), import("./viewer.js"),
  ]);
  viewer ||= new Viewer((index) => links()[index]?.focus());
  const items = new Map(prompts.flatMap(({ artifacts }) => artifacts).map((item) => [String(item.artifact_id), item]));
  opened = new Pictures(links().map((each) => items.get(each.dataset.artifact)));
  await viewer.open(opened, place);
}

/** What changed since the page was made; the server makes the cells, as at first. */
async function follow(signal) {
  const old = document.getElementById("comparison");
  if (!Number(old.dataset.busy) || document.querySelector("dialog[open]")) return;
  const answer = await fetch(location.href, { signal });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const now = page.getElementById("comparison");
  if (!now || now.innerHTML === old.innerHTML) return;
  const focused = document.activeElement?.closest?.("[data-prompt]")?.dataset.prompt;
  const scrolled = [...old.querySelectorAll(".across")].map((each) => each.scrollLeft);
  old.replaceWith(document.importNode(now, true));
  document.querySelectorAll("#comparison .across").forEach((each, index) => { each.scrollLeft = scrolled[index] || 0; });
  if (focused) document.querySelector(`#comparison [data-prompt="${focused}"] a`)?.focus({ preventScroll: true });
}

if (label) {
  document.getElementById("main").addEventListener("click", (event) => {
    const link = event.target.closest(".open");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    open(link).catch(complain);
  });
  poll(follow, { every: LOOK, atOnce: false });
}
