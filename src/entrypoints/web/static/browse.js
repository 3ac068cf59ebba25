// Browse: filters, the grid, the viewer and the player put together.
import { ApiError, atRest, base, complain, el, poll } from "./site.js";
import { adopt, card } from "./cards.js";
import { Sheet } from "./sheet.js";
import { Shelf } from "./shelf.js";
import { _, ngettext } from "./texts.js";

const form = document.getElementById("filters");
const root = document.getElementById("sheet");
const foot = document.getElementById("foot");
const news = document.getElementById("news");
document.querySelector(".masthead nav").after(news); // always in sight, and never over a picture
const NAMES = [
  "kind", "status", "search", "similar", "text", "since", "until", "favourite", "rating", "tag", "collection", "shown",
  "label", "workflow", "seed", "size", "sort", "at",
];
const ROWS = ["110px", "160px", null, "300px", "420px"]; // heights of thumbnails; null: of the style sheet
const LOOK = 5000; // milliseconds between looks for new media

let shelf = null;
let player = null;
let viewer = null;
let keeping = null;
let prompts = null; // the module of their cards, which few lists need
const sheet = new Sheet(root, {
  build, wanted: more, adopt: (made, item) => (sheet.shelf.hasPrompts ? prompts.adoptPrompt : adopt)(made, item),
});

// They are loaded when the page is idle, or when they are needed.
const aPlayer = () => import("./player.js").then(({ thePlayer }) => (player = thePlayer()));
const aViewer = () => import("./viewer.js").then(({ Viewer }) => (
  viewer ||= new Viewer((index) => sheet.reach(index))
));
const whole = (error) => complain(new ApiError(0, {
  message: _("Part of the page could not be loaded."), hint: _("Reload it."), code: error.name,
}));

function build(item) {
  const made = item && sheet.shelf.hasPrompts ? prompts.promptCard(item) : card(item);
  if (item) keeping?.selection.mark(made);
  if (item && player?.plays(item)) queueMicrotask(() => player.tell());
  return made;
}

async function more() {
  const mine = shelf;
  if (mine.loading || mine.failed) return;
  foot.textContent = _("Loading …");
  try {
    if (mine.hasPrompts) prompts ||= await import("./prompt_cards.js");
    await mine.more();
  } catch (error) {
    if (mine !== shelf) return;
    complain(error);
    mine.failed = true;
    const again = el("button", { type: "button", text: _("Try again") });
    again.addEventListener("click", () => { mine.failed = false; more(); });
    foot.replaceChildren(_("More media could not be loaded."), " ", again);
    return;
  }
  if (mine !== shelf) return;
  if (sheet.shelf === mine) sheet.layOut();
  else takeOver();
  root.removeAttribute("aria-busy");
  foot.textContent = mine.complete ? ending(mine.length) : "";
}

function ending(count) {
  if (!count) return filtered() ? _("No matches.") : _("No media yet.");
  if (shelf.hasPrompts) return ngettext("%(num)s prompt in total.", "%(num)s prompts in total.", count);
  return ngettext("%(num)s file in total.", "%(num)s files in total.", count);
}

const filtered = () => [...new URLSearchParams(location.search).keys()].some((name) => NAMES.includes(name));

function takeOver() {
  root.classList.add("live");
  document.getElementById("further")?.remove();
  sheet.show(shelf);
}

/** Show what the address asks for; `given` is what the page brought along of it. */
function start(given = null) {
  const wanted = new URLSearchParams(location.search);
  const filters = NAMES.flatMap((name) => (wanted.get(name) ? [[name, wanted.get(name)]] : []));
  shelf?.drop();
  shelf = new Shelf(filters, given);
  keeping?.selection.reset();
  news.hidden = true;
  news.textContent = shelf.hasPrompts ? _("Show changes") : _("Show new media");
  root.setAttribute("aria-label", shelf.hasPrompts ? _("Prompts, newest first") : _("Media, newest first"));
  root.setAttribute("aria-busy", "true");
  more();
}

/** Put what the form says into the address. */
function apply(keep) {
  const asked = new URLSearchParams();
  const before = new URLSearchParams(location.search);
  for (const name of ["since", "until"]) if (before.get(name)) asked.set(name, before.get(name));
  for (const [name, value] of new FormData(form)) if (value.trim()) asked.set(name, value.trim());
  const place = `${base}/${asked.size ? `?${asked}` : ""}`;
  if (place === location.pathname + location.search) return;
  if (keep) history.pushState(null, "", place);
  else history.replaceState(null, "", place);
  scrollTo(0, 0);
  start();
}

let shown = location.search;
let typing = null;
form.addEventListener("submit", (event) => { event.preventDefault(); apply(true); shown = location.search; });
form.addEventListener("change", (event) => {
  if (event.target.name !== "search") { apply(true); shown = location.search; }
});
form.addEventListener("input", (event) => {
  if (event.target.name !== "search") return;
  clearTimeout(typing);
  typing = setTimeout(() => { apply(false); shown = location.search; }, 300);
});
addEventListener("popstate", () => {
  if (location.search === shown) return; // only the viewer was closed
  shown = location.search;
  const wanted = new URLSearchParams(location.search);
  for (const field of form.elements) {
    if (field.type === "radio") field.checked = field.value === (wanted.get("kind") || "");
    else if (field.type === "checkbox") field.checked = wanted.has(field.name);
    else if (field.name) field.value = wanted.get(field.name) || "";
  }
  scrollTo(0, 0);
  start();
});

const indexOf = (element) => Number(element.closest(".card").dataset.index);

root.addEventListener("click", (event) => {
  const { shelf } = sheet; // the cards may still be those of the filters before
  if (!shelf || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const play = event.target.closest(".play");
  const more = event.target.closest(".more");
  const link = event.target.closest(".card.image .open");
  if (more) {
    Promise.all([import("./actions.js"), shelf.get(indexOf(more))])
      .then(([{ actionsOf, openMenu }, item]) => openMenu(more, actionsOf(...(shelf.hasPrompts ? prompts.subjectOf(item) : [item]))), whole);
  }
  if (event.target.closest(".again")) shelf.get(indexOf(event.target)).then(prompts.retry).catch(complain);
  if (play) {
    if (play.closest(".current")) player.toggle();
    else hear(shelf, indexOf(play));
  } else if (link) {
    event.preventDefault();
    const index = indexOf(link);
    aViewer().then(() => viewer.open(shelf, index), whole);
  }
});
const hear = (shelf, index, from = 0) => aPlayer().then(() => player.play(shelf, index, from), whole);
root.addEventListener("seek", (event) => hear(sheet.shelf, indexOf(event.target), event.detail));

// Ratings, choosing and further filters are loaded when the page is idle.
atRest(() => import("./keeping.js").then(({ Keeping }) => {
  keeping = new Keeping(root, sheet, {
    current: () => shelf, start, counted: () => { foot.textContent = shelf.complete ? ending(shelf.length) : ""; },
  });
}).catch(whole));

news.addEventListener("click", () => { scrollTo(0, 0); start(); });

try {
  const kept = localStorage.getItem("mediagen-thumbnails");
  if (kept) document.getElementById("thumbnails").value = kept;
} catch {
  // Without storage the size lasts until the page is closed.
}
function resize() {
  const row = ROWS[document.getElementById("thumbnails").value];
  if (row) root.style.setProperty("--row", row);
  else root.style.removeProperty("--row");
}
resize();
document.getElementById("thumbnails").addEventListener("input", () => { resize(); if (sheet.shelf) sheet.refit(); });

const given = document.getElementById("given");
start(given && JSON.parse(given.content.textContent));
atRest(() => Promise.all([aPlayer(), aViewer()]).catch(() => {})); // reported when they are needed
poll(async () => {
  const mine = shelf;
  if (!mine.length && !mine.complete) return;
  if (mine.hasPrompts) {
    if (await prompts.differs(mine) && mine === shelf) news.hidden = false;
    return;
  }
  const { items } = await mine.ask(null, 1);
  if (mine !== shelf || !items.length || items[0].artifact_id <= (mine.ids[0] ?? -Infinity)) return;
  if (mine.filters.some(([name]) => name === "sort" || name === "at")) return; // it may stand anywhere
  news.hidden = false;
}, { every: LOOK, atOnce: false });
