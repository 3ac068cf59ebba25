// The page of one prompt: what can be done with it, its progress, and what changes meanwhile.
import { actionsOf, vary } from "./actions.js";
import { api, base, complain, el, poll, span, tellAll } from "./site.js";
import { _ } from "./texts.js";

const byId = (id) => document.getElementById(id);
const article = byId("prompt");
const { id } = article.dataset;
const BUSY = 1000, CALM = 4000; // milliseconds between two looks

let current = null; // what the API said last
let looking = null;
let shownActions = "";

// ------------------------------------------------------------------------------------ what changes

/** As live_token of pages.py. */
const tokenOf = (prompt) => [
  prompt.artifact_status, prompt.broken?.code || "",
  ...prompt.renders.map((render) => `${render.render_id} ${render.outcome || ""}`),
  ...prompt.artifacts.map((item) => item.artifact_id),
].join("|");

/** Take over what the page would show now; what stays keeps its focus, and its song plays on. */
async function refresh(signal) {
  const answer = await fetch(location.pathname, { signal });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const wanted = fresh.getElementById("prompt");
  if (!wanted) return;
  for (const name of ["state", "renders"]) {
    const now = fresh.getElementById(name);
    if (byId(name).innerHTML !== now.innerHTML) byId(name).replaceChildren(...now.childNodes);
  }
  const outputs = byId("outputs");
  const had = new Map([...outputs.children].map((figure) => [figure.dataset.key, figure]));
  const figures = [...fresh.getElementById("outputs").children];
  const stays = new Set(figures.map((figure) => figure.dataset.key));
  for (const [key, figure] of had) if (!stays.has(key)) figure.remove();
  let place = outputs.firstElementChild;
  for (const figure of figures) {
    const before = had.get(figure.dataset.key);
    if (before && before === place) place = place.nextElementSibling;
    else outputs.insertBefore(before || document.adoptNode(figure), place);
  }
  tellAll();
  article.dataset.live = wanted.dataset.live;
}

// The browser's player moves its parts as it learns how long a song is: until then only its place is there.
function showPlayer(audio) {
  requestAnimationFrame(() => requestAnimationFrame(() => audio.classList.remove("waits")));
}
for (const name of ["loadedmetadata", "error", "stalled"]) {
  byId("outputs").addEventListener(name, (event) => showPlayer(event.target), true);
}
for (const audio of document.querySelectorAll("audio.waits")) if (audio.readyState || audio.error) showPlayer(audio);

function showProgress(live) {
  const box = byId("progress"), bar = box.querySelector("progress"), picture = box.querySelector("img");
  box.hidden = !live;
  if (!live) return;
  if (live.fraction === null) bar.removeAttribute("value");
  else bar.value = live.fraction;
  const parts = [
    live.fraction === null ? _("Rendering") : `${Math.floor(live.fraction * 100)}%`,
    live.seconds_left === null ? null : _("%(time)s left", { time: span(live.seconds_left) }), live.message || null,
  ];
  box.querySelector("p").textContent = parts.filter(Boolean).join(" · ");
  picture.hidden = !live.preview_url;
  if (live.preview_url && picture.getAttribute("src") !== live.preview_url) picture.src = live.preview_url;
}

// ------------------------------------------------------------------------------------- what one does

function showActions(prompt) {
  const newest = prompt.artifacts.at(-1);
  const subject = {
    prompt_id: prompt.id, kind: prompt.kind,
    prompt: prompt.brief?.prompt || lyrics(prompt.brief) || prompt.text,
    seed: newest?.seed, media_url: newest?.media_url,
  };
  const status = prompt.error?.code === "cancelled" ? "cancelled" : prompt.artifact_status;
  const said = JSON.stringify([subject, status, Boolean(prompt.brief)]);
  if (said === shownActions) return;
  shownActions = said;
  const focused = byId("acts").contains(document.activeElement) && document.activeElement.textContent;
  const actions = actionsOf(subject, { status, changed: look })
    .filter(({ isElsewhere }) => !isElsewhere);
  byId("acts").replaceChildren(
    ...actions.map(({ label, run, href, download }) => (href
      ? el("a", { class: "button", href, download: download ? "" : null, text: label })
      : el("button", { type: "button", text: label, on: { click: run } }))),
    ...(prompt.brief ? [variations()] : []),
  );
  if (focused) [...byId("acts").children].find((each) => each.textContent === focused)?.focus();
}

const lyrics = (brief) => brief?.sections?.map((part) => `[${part.type}]\n${part.lyrics}`).join("\n\n");

function variations() {
  const count = el("input", { type: "number", min: 1, max: 100, value: 4, "aria-label": _("Number of variations") });
  const form = el("form", { class: "count" }, count, el("button", { type: "submit", text: _("Variations") }));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    vary(id, Number(count.value)).catch(complain);
  });
  return form;
}

// ------------------------------------------------------------------------- what the workflow printed

const output = byId("output");
async function readOutput(signal) {
  const told = await api(`${base}/api/v1/prompts/${id}/output`, { signal });
  const text = output.querySelector("pre"), note = output.querySelector("p");
  const isAtEnd = text.hidden || text.scrollTop + text.clientHeight > text.scrollHeight - 40;
  text.hidden = !told.lines?.length;
  text.textContent = (told.lines || []).join("\n");
  if (told.render_id === null) note.textContent = _("It has not been rendered yet.");
  else {
    const values = { id: told.render_id, worker: told.worker, outcome: told.outcome ? _(told.outcome) : _("in progress") };
    note.textContent = told.lines === null
      ? _("Render %(id)s printed nothing, or it ran elsewhere: %(worker)s.", values)
      : _("Render %(id)s by %(worker)s: %(outcome)s.", values);
  }
  if (isAtEnd) text.scrollTop = text.scrollHeight;
}
output.addEventListener("toggle", () => { if (output.open) readOutput().catch(complain); });
const unfold = () => { if (location.hash === "#output") output.open = true; };
addEventListener("hashchange", unfold);
unfold();

// ----------------------------------------------------------------------------------------- watching

async function watch(signal) {
  const prompt = await api(`${base}/api/v1/prompts/${id}`, { signal });
  if (tokenOf(prompt) !== article.dataset.live) await refresh(signal);
  showProgress(prompt.live);
  showActions(prompt);
  const isBusy = (each) => each === "pending" || each === "processing";
  if (output.open && prompt.live) await readOutput(signal);
  const before = current?.artifact_status;
  current = prompt;
  if (before === undefined || isBusy(before) !== isBusy(prompt.artifact_status)) {
    const every = isBusy(prompt.artifact_status) ? BUSY : CALM;
    setTimeout(() => { looking.stop(); looking = poll(watch, { every, atOnce: false }); });
  }
}
function look() {
  looking.now();
}
looking = poll(watch, { every: BUSY });
