// The queue page: live status, and actions on prompts.
import { api, base, complain, el, poll, span, toast } from "./site.js";
import {
  arrange, fillEnded, fillFailed, fillRendering, fillWaiting, put, putMoment, putOrHide,
} from "./queue_cards.js";

const EVERY = 1200; // milliseconds
const AT_LEAST = 5; // polls, after which the lists are fetched even if nothing changed
const WHO = { person: "by a person", environment: "because of a problem with the installation" };
const NAMES = { image: "Images", audio: "Songs" };
const byId = (id) => document.getElementById(id);
const plural = (count, one, many) => `${count} ${count === 1 ? one : many}`;

let status = null, queue = null;
let seen = "", looks = 0, changes = 0;

// ------------------------------------------------------------------------------- what is shown

function showStatus() {
  for (const place of document.querySelectorAll("[data-count]")) {
    const name = place.dataset.count;
    place.textContent = (status.counts.image[name] || 0) + (status.counts.audio[name] || 0);
  }
  showPause(status.paused);
  showWorkers(status.workers, status.paused);
  const { seconds_left: left } = status;
  const waiting = status.counts.image.pending + status.counts.audio.pending;
  byId("time-left").hidden = !waiting || typeof left !== "number";
  put(byId("time-left"), "left", typeof left === "number" ? span(left) : "");
  showBroken(status.broken);
  const unwritten = status.unwritten.image + status.unwritten.audio;
  byId("unwritten").hidden = unwritten === 0;
  put(byId("unwritten"), "count", String(unwritten));
  arrange(byId("ended"), status.outcomes,
    { blank: "blank-ended", key: (item) => item.render_id, fill: fillEnded });
}

function showPause(paused) {
  const held = document.activeElement;
  const banner = byId("paused");
  banner.hidden = !paused;
  byId("pause").hidden = Boolean(paused);
  byId("resume").hidden = !paused;
  // The button that was pressed is hidden now; its counterpart takes the focus.
  if (held === byId("pause") && paused) byId("resume").focus();
  if (held === byId("resume") && !paused) byId("pause").focus();
  if (!paused) return;
  put(banner, "by", WHO[paused.by] || paused.by);
  put(banner, "reason", paused.reason);
  putOrHide(banner, "code", paused.code);
  putOrHide(banner, "hint", paused.hint);
  putMoment(banner, "since", paused.since);
}

function showWorkers(workers, paused) {
  const line = byId("workers");
  line.dataset.workers = workers.length;
  const chip = put(line, "chip", !workers.length ? "no worker" : paused ? "paused" : "working");
  chip.className = `chip ${workers.length && !paused ? "good" : "warm"}`;
  const names = workers.map((worker) => `${worker.command} (${worker.host}:${worker.pid})`);
  const told = line.querySelector('[data-f="told"]');
  const doing = paused ? "waiting until the queue is resumed" : "rendering the queue";
  const said = names.length ? `${names.join(", ")} ${names.length === 1 ? "is" : "are"} ${doing}.` : "";
  if (told.said === said) return;
  told.said = said;
  told.replaceChildren(...(said ? [said] : [
    "No worker is running. To render the queue, start one in a terminal: ",
    el("code", { text: "mediagen daemon" }), ".",
  ]));
}

function showBroken(broken) {
  const list = byId("broken");
  const said = JSON.stringify(broken);
  if (list.said === said) return;
  list.said = said;
  list.hidden = broken.length === 0;
  list.replaceChildren(...broken.map((each) => el("li", { class: "notice bad" },
    el("p", {}, el("b", { text: `${NAMES[each.kind]}${each.workflow && ` of the workflow "${each.workflow}"`} cannot be rendered.` }), " ",
      el("code", { text: each.code }), ` ${each.message}`),
    el("p", { class: "hint", text: each.hint || "" }))));
}

function showQueue() {
  arrange(byId("rendering"), queue.rendering,
    { blank: "blank-rendering", key: (item) => item.render_id, fill: fillRendering });
  for (const kind of ["image", "audio"]) {
    const items = queue.waiting[kind], total = queue.totals.waiting[kind];
    arrange(byId(`waiting-${kind}`), items,
      { blank: `blank-waiting-${kind}`, key: (item) => item.id, fill: fillWaiting });
    document.querySelector(`[data-total="${kind}"]`).textContent = total;
    showMore(kind, items.length, total, `Only the first ${items.length} are shown.`);
  }
  arrange(byId("failed"), queue.failed,
    { blank: "blank-failed", key: (item) => item.id, fill: fillFailed });
  const { failed } = queue.totals;
  document.querySelector('[data-total="failed"]').textContent = failed;
  showMore("failed", queue.failed.length, failed,
    `Only the newest ${queue.failed.length} are shown; “Generate all” includes the others.`);
  const { cancelled } = queue.totals;
  arrange(byId("cancelled"), queue.cancelled,
    { blank: "blank-failed", key: (item) => item.id, fill: fillFailed });
  document.querySelector('[data-part="cancelled"]').hidden = cancelled === 0;
  document.querySelector('[data-total="cancelled"]').textContent = cancelled;
  showMore("cancelled", queue.cancelled.length, cancelled, `Only the newest ${queue.cancelled.length} are shown.`);
  showChosen();
}

function showMore(name, shown, total, words) {
  const line = document.querySelector(`[data-more="${name}"]`);
  line.hidden = total <= shown;
  line.textContent = words;
}

// ------------------------------------------------------------------------------------ selecting

/** Ids of the prompts that are selected, by where they stand. */
function chosen() {
  const found = { waiting: new Set(), failed: new Set(), ready: new Set() };
  for (const box of document.querySelectorAll(".pick:checked")) {
    const card = box.closest("li");
    found[box.dataset.pick].add(Number(card.dataset.prompt || card.dataset.key));
  }
  return found;
}

function showChosen() {
  const found = chosen();
  const count = found.waiting.size + found.failed.size + found.ready.size;
  const said = count ? `${count} selected` : "Nothing selected";
  if (byId("chosen").textContent !== said) byId("chosen").textContent = said;
  byId("generate-selected").disabled = count === 0;
  byId("cancel-selected").disabled = found.waiting.size === 0;
  byId("choose-none").hidden = count === 0;
}

function chooseNone() {
  for (const box of document.querySelectorAll(".pick:checked")) box.checked = false;
  showChosen();
}

// --------------------------------------------------------------------------------------- doing

const workersSay = () => {
  if (status.paused) return "The queue is paused; resume it to start rendering.";
  if (status.workers.length === 0) {
    return "No worker is running; start one with 'mediagen daemon'.";
  }
  return "A worker is running and renders them in order.";
};

const tellWaiting = (count) =>
  `${plural(count, "prompt is", "prompts are")} already in the queue.`;

async function generate(ids, again) {
  const done = await api(`${base}/api/v1/retry`, { body: { ids, again } });
  tellMoved(done);
}

function tellMoved(done) {
  if (done.moved.length) {
    toast(`${plural(done.moved.length, "prompt", "prompts")} put back in the queue.`,
      { kind: "good", hint: workersSay() });
  }
  for (const [id, reason] of Object.entries(done.refused).slice(0, 3)) {
    toast(`Prompt ${id} was not changed: ${reason}.`, { kind: "bad" });
  }
}

async function generateSelected() {
  const found = chosen();
  if (found.waiting.size) {
    const { moved } = await api(`${base}/api/v1/move`, { body: { ids: [...found.waiting], place: "front" } });
    toast(`${plural(moved.length, "prompt is", "prompts are")} next.`, { kind: "good", hint: workersSay() });
  }
  const ids = [...found.failed, ...found.ready];
  if (ids.length) await generate(ids, found.ready.size > 0);
  chooseNone();
}

async function generateAll() {
  const waiting = queue.totals.waiting.image + queue.totals.waiting.audio;
  if (queue.totals.failed) tellMoved(await api(`${base}/api/v1/retry`, { body: { all_errors: true } }));
  if (waiting) toast(tellWaiting(waiting), { hint: workersSay() });
  if (!waiting && !queue.totals.failed) toast("Nothing is waiting and nothing failed.");
}

/** The dialog's answer: its value, or "" if it was dismissed. */
function asked(dialog) {
  dialog.onclose?.(); // it was closed just now, and its event is still to come
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((answer) => {
    dialog.onclose = () => { if (!dialog.open) answer(dialog.returnValue); };
  });
}

async function cancel(button, ids, goesOn) {
  const dialog = byId("cancel-dialog");
  const [one] = ids;
  put(dialog, "what", ids.length === 1
    ? `Prompt ${one} ${goesOn ? "is being rendered." : "is waiting to be rendered."}`
    : `${ids.length} prompts are waiting to be rendered.`);
  dialog.querySelector(".ways").hidden = !goesOn;
  dialog.querySelector('[value="cancel"]').checked = true;
  if (await asked(dialog) !== "yes") return;
  const requeue = goesOn && dialog.querySelector('[value="requeue"]').checked;
  await change(button, async () => {
    const { cancelled, refused } = await api(`${base}/api/v1/cancel`, { body: { ids, requeue } });
    const what = cancelled.length === 1 ? `Prompt ${cancelled[0]}` : `${cancelled.length} prompts`;
    const was = cancelled.length === 1 ? "was" : "were";
    if (cancelled.length) toast(requeue ? `${what} is back in the queue.` : `${what} ${was} cancelled.`, { kind: "good" });
    for (const [id, reason] of Object.entries(refused).slice(0, 3)) {
      toast(`Prompt ${id} was not changed: ${reason}.`, { kind: "bad" });
    }
    chooseNone();
  });
}

async function pause(button) {
  const field = byId("pause-reason");
  field.value = "";
  if (await asked(byId("pause-dialog")) !== "yes") return;
  await change(button, async () => {
    status.paused = (await api(`${base}/api/v1/pause`, { body: { reason: field.value } })).paused;
    showPause(status.paused);
    toast("Queue paused.");
  });
}

async function resume() {
  status.paused = (await api(`${base}/api/v1/resume`, { body: {} })).paused;
  showPause(status.paused);
  toast("Queue resumed.", { kind: "good" });
}

/** Change the queue by a button, then refresh at once. */
async function change(button, work) {
  if (button.dataset.busy) return;
  button.dataset.busy = "yes";
  try {
    if (!queue) await look();
    await work();
  } catch (error) {
    complain(error);
  }
  delete button.dataset.busy;
  seen = "";
  changes += 1;
  looking.now();
}

const ACTS = {
  retry: (button, card) => change(button, () => generate([Number(card.dataset.key)], false)),
  again: (button, card) => change(button, () => generate([Number(card.dataset.prompt)], true)),
  cancel: (button, card) => cancel(
    button, [Number(card.dataset.prompt || card.dataset.key)], Boolean(card.dataset.prompt)),
};
const BUTTONS = {
  pause,
  resume: (button) => change(button, resume),
  "generate-selected": (button) => change(button, generateSelected),
  "generate-all": (button) => change(button, generateAll),
  "cancel-selected": (button) => cancel(button, [...chosen().waiting], false),
};

for (const [name, work] of Object.entries(BUTTONS)) {
  byId(name).addEventListener("click", () => work(byId(name)));
}
byId("choose-none").addEventListener("click", () => {
  chooseNone();
  byId("generate-all").focus();
});
const main = byId("main");
main.addEventListener("change", (event) => {
  if (event.target.matches(".pick")) showChosen();
});
main.addEventListener("click", (event) => {
  const button = event.target.closest("[data-act]");
  if (button) ACTS[button.dataset.act](button, button.closest("li"));
});

// -------------------------------------------------------------------------------------- looking

/** The part of the status that changes whenever a prompt enters, leaves or moves. */
function marks(found) {
  const { counts, unwritten, waiting, next_retry_at, oldest_pending, rendering, outcomes } = found;
  return JSON.stringify([counts, unwritten, waiting, next_retry_at, oldest_pending,
    rendering.map((item) => item.render_id), outcomes[0]?.render_id]);
}

/**
 * The lists are long, so they are fetched only when something moved, and now and then. Answers that
 * are older than what was done here meanwhile are dropped: another look follows.
 */
async function look(signal) {
  const before = changes;
  const found = await api(`${base}/api/v1/status`, { signal });
  const moved = marks(found);
  looks += 1;
  const isDue = !queue || moved !== seen || looks >= AT_LEAST;
  const lists = isDue ? await api(`${base}/api/v1/queue`, { signal }) : queue;
  if (before !== changes) return;
  if (isDue) [seen, looks] = [moved, 0];
  [status, queue] = [found, lists];
  const texts = new Map(queue.rendering.map((item) => [item.render_id, item.text]));
  queue.rendering = status.rendering.map((item) => ({ ...item, text: texts.get(item.render_id) || "" }));
  byId("trouble").hidden = true;
  showStatus();
  showQueue();
}

function failed(error) {
  const words = `${error.message} The page may show old data.${error.hint ? ` ${error.hint}` : ""}`;
  byId("trouble").hidden = false;
  if (byId("trouble").textContent !== words) byId("trouble").textContent = words;
}

const looking = poll(look, { every: EVERY, failed });
