// The queue page: live status, and actions on prompts.
import { api, base, complain, el, poll, span, time, toast } from "./site.js";
import { brokenText } from "./attention.js";
import { LongList } from "./long_list.js";
import {
  arrange, blank, fillEnded, fillFailed, fillRendering, fillWaiting, put, putMoment, putOrHide,
} from "./queue_rows.js";
import { Selection } from "./queue_selection.js";
import { _, language, ngettext } from "./texts.js";

const EVERY = 1200; // milliseconds
const AT_LEAST = 5; // looks, after which the lists are asked for even if nothing changed
const WHO = { person: _("Paused by a person."), environment: _("Paused because of a problem with the installation.") };
const brokenReason = ({ message, elsewhere }) => (elsewhere ? ` ${message} (${elsewhere})` : ` ${message}`);
/** As in queue.html. */
const waitingFor = (ids) => (ids.length === 0 ? [] : [el("p", {},
  ngettext("%(num)s prompt waits for it:", "%(num)s prompts wait for it:", ids.length),
  ...ids.slice(0, 20).flatMap((id) => [" ", el("a", { href: `${base}/prompts/${id}`, text: `#${id}` })]),
  ids.length > 20 ? " …" : "")]);
const byId = (id) => document.getElementById(id);
const number = (count) => count.toLocaleString(language);

let status = null, rendering = [];
let seen = "", looks = 0, changes = 0;

// ------------------------------------------------------------------------------- what is shown

const lists = Object.fromEntries(
  ["failed", "waiting-image", "waiting-audio", "cancelled"].map((name) => {
    const [list, kind = "image"] = name.split("-");
    const fill = list === "waiting" ? fillWaiting : fillFailed;
    return [name, new LongList(byId(name), {
      ask: (offset, limit) => api(`${base}/api/v1/queue/rows?list=${list}&kind=${kind}&offset=${offset}&limit=${limit}`),
      make: () => blank(name),
      taken: (ids) => {
        selection.keep(name, (id) => ids.has(id));
        showChosen();
      },
      fill: (row, item) => {
        fill(row, item);
        row.querySelector(".pick").checked = selection.has(name, item.id);
      },
      failed,
    })];
  }),
);
const selection = new Selection((name) => lists[name]?.total ?? 0);

const total = (name) => (status.counts.image[name] || 0) + (status.counts.audio[name] || 0);
const totals = () => ({
  failed: total("error"), cancelled: total("cancelled"),
  "waiting-image": status.counts.image.pending, "waiting-audio": status.counts.audio.pending,
});

function showStatus() {
  for (const place of document.querySelectorAll("[data-count]")) {
    place.textContent = number(total(place.dataset.count));
  }
  showPause(status.paused);
  showWorkers(status.workers, status.paused);
  showTimeLeft(status.seconds_left);
  showBroken(status.broken);
  const unwritten = status.unwritten.image + status.unwritten.audio;
  byId("unwritten").hidden = unwritten === 0;
  byId("unwritten").textContent = ngettext(
    "%(num)s more has no writing yet; the Poets Service is still working on it.",
    "%(num)s more have no writing yet; the Poets Service is still working on them.", unwritten,
  );
  arrange(byId("ended"), status.outcomes, { name: "ended", key: (item) => item.render_id, fill: fillEnded });
  const ready = new Set(status.outcomes.map((item) => item.prompt_id));
  selection.keep("ready", (id) => ready.has(id));
}

function showTimeLeft(left) {
  const line = byId("time-left");
  line.hidden = !total("pending") || typeof left !== "number" || isStopped();
  if (line.hidden) return;
  const said = _("The whole queue will take about %(time)s.", { time: span(left) });
  if (line.textContent !== said) line.textContent = said;
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

/** As is_stopped of queue_api.py. */
function isStopped() {
  const whole = status.broken.filter((each) => !(each.workflow || each.some || each.elsewhere)).map(({ kind }) => kind);
  const waiting = ["image", "audio"].filter((kind) => status.counts[kind].pending);
  return waiting.length > 0 && waiting.every((kind) => whole.includes(kind)) && !status.rendering.length;
}

function showWorkers(workers, paused) {
  const stopped = isStopped();
  const line = byId("workers");
  line.dataset.workers = workers.length;
  const chip = put(line, "chip", !workers.length ? _("no worker") : paused ? _("paused") : stopped ? _("stopped") : _("working"));
  chip.className = `chip ${workers.length && !paused && !stopped ? "good" : "warm"}`;
  const names = workers.map((worker) => `${worker.command} (${worker.host}:${worker.pid})`).join(", ");
  const told = line.querySelector('[data-f="told"]');
  if (told.said === names) return;
  told.said = names;
  if (names) told.textContent = names;
  else {
    const [before, after] = _("No worker is running. To render the queue, start one in a terminal: %(command)s.",
      { command: "\n" }).split("\n");
    told.replaceChildren(before, el("code", { text: "mediagen daemon" }), after);
  }
}

function showBroken(broken) {
  const list = byId("broken");
  const said = JSON.stringify(broken);
  if (list.said === said) return;
  list.said = said;
  list.hidden = broken.length === 0;
  list.replaceChildren(...broken.map((each) => el("li", { class: "notice bad" },
    el("p", {}, el("b", { text: brokenText(each) }), " ", el("code", { text: each.code }), brokenReason(each),
      ...(each.since ? [" ", time(each.since)] : [])),
    el("p", { class: "hint", text: each.hint || "" }), ...waitingFor(each.prompts || []))));
}

/** The lists; `moved` tells whether they may hold other prompts than before. */
function showLists(moved) {
  arrange(byId("rendering"), rendering, { name: "rendering", key: (item) => item.render_id, fill: fillRendering });
  const counts = totals();
  for (const [name, list] of Object.entries(lists)) {
    const place = document.querySelector(`[data-part="${name}"]`);
    if (place.hidden !== (counts[name] === 0)) place.hidden = counts[name] === 0;
    const shown = document.querySelector(`[data-total="${name}"]`);
    if (shown.textContent !== number(counts[name])) shown.textContent = number(counts[name]);
    list.show(counts[name], moved);
  }
  document.querySelector('[data-empty="waiting"]').hidden = total("pending") > 0;
  showChosen();
}

// ------------------------------------------------------------------------------------ selecting

function showChosen() {
  const count = selection.size;
  const said = count ? ngettext("%(num)s selected", "%(num)s selected", count) : _("Nothing selected");
  if (byId("chosen").textContent !== said) byId("chosen").textContent = said;
  byId("generate-selected").disabled = count === 0;
  byId("cancel-selected").disabled = selection.count("waiting-image") + selection.count("waiting-audio") === 0;
  byId("choose-none").hidden = count === 0;
  for (const box of document.querySelectorAll("[data-all]")) {
    const { all, ids } = selection.lists[box.dataset.all];
    box.checked = all && ids.size === 0;
    box.indeterminate = ids.size > 0;
  }
}

/** Let the boxes in the page say what is selected. */
function showBoxes() {
  for (const box of document.querySelectorAll(".pick")) {
    box.checked = selection.has(box.dataset.pick, idOf(box.closest("li")));
  }
  showChosen();
}

const idOf = (row) => Number(row.dataset.prompt || row.dataset.key);

function chooseNone() {
  selection.clear();
  showBoxes();
}

/** A box was pressed; with Shift, all rows since the last one follow it. */
function choose(box, isRange) {
  const row = box.closest("li");
  const name = box.dataset.pick;
  const at = Number(row.dataset.index);
  const { last } = selection;
  if (isRange && last?.name === name) {
    const [from, to] = [Math.min(at, last.at), Math.max(at, last.at)];
    for (let index = from; index <= to; index += 1) {
      const item = lists[name]?.items.get(index);
      if (item) selection.set(name, item.id, box.checked);
    }
  }
  selection.set(name, idOf(row), box.checked);
  selection.last = { name, at };
  showBoxes();
}

// --------------------------------------------------------------------------------------- doing

const workersSay = () => {
  if (status.paused) return _("The queue is paused; resume it to start rendering.");
  if (status.workers.length === 0) return _("No worker is running; start one with 'mediagen daemon'.");
  return _("A worker is running and renders them in order.");
};

const post = (path, body) => api(`${base}/api/v1/${path}`, { body });

function tellMoved(moved, refused) {
  if (moved.length) {
    toast(ngettext("%(num)s prompt put back in the queue.", "%(num)s prompts put back in the queue.", moved.length),
      { kind: "good", hint: workersSay() });
  }
  tellRefused(refused);
}

function tellRefused(refused) {
  for (const [id, reason] of Object.entries(refused).slice(0, 3)) {
    toast(_("Prompt %(id)s was not changed: %(reason)s.", { id, reason }), { kind: "bad" });
  }
}

async function generate(ids, again) {
  const { moved, refused } = await post("retry", { ids, again });
  tellMoved(moved, refused);
}

const WAITING = ["waiting-image", "waiting-audio"];
const allOf = (name) => ({ all_pending: true, kind: name.split("-")[1] });

/** The requests for the selected prompts that wait: one, unless all of a list and some of another. */
function waitingBodies() {
  const { lists: chosen } = selection;
  if (WAITING.every((name) => chosen[name].all)) {
    return [{ all_pending: true, except_ids: WAITING.flatMap((name) => [...chosen[name].ids]) }];
  }
  return selection.bodies(WAITING, allOf);
}

/** What is selected is rendered next, whether it waits or ended already. */
async function generateSelected() {
  let next = 0;
  const refused = {};
  const ended = selection.bodies(["failed", "cancelled", "ready"], () => ({ all_errors: true }));
  for (const body of ended) {
    const again = selection.count("ready") > 0 && !body.all_errors;
    const done = await post("retry", { ...body, again, front: true });
    next += done.moved.length;
    Object.assign(refused, done.refused);
  }
  for (const body of waitingBodies()) {
    const done = await post("move", { ...body, place: "front" });
    next += done.moved.length;
    Object.assign(refused, done.refused);
  }
  tellNext(next);
  tellRefused(refused);
  chooseNone();
}

const tellNext = (count) => {
  if (!count) return;
  toast(ngettext("%(num)s prompt is next.", "%(num)s prompts are next.", count), { kind: "good", hint: workersSay() });
};

async function generateAll() {
  const waiting = total("pending"), failures = total("error");
  if (failures) {
    const { moved, refused } = await post("retry", { all_errors: true });
    tellMoved(moved, refused);
  }
  if (waiting) {
    toast(ngettext("%(num)s prompt is already in the queue.", "%(num)s prompts are already in the queue.", waiting),
      { hint: workersSay() });
  }
  if (!waiting && !failures) toast(_("Nothing is waiting and nothing failed."));
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

/** Cancel after a question; `bodies()` gives the requests when it was answered. */
async function cancel(button, bodies, what, isRendering = false) {
  const dialog = byId("cancel-dialog");
  put(dialog, "what", what);
  dialog.querySelector(".ways").hidden = !isRendering;
  dialog.querySelector('[value="cancel"]').checked = true;
  if (await asked(dialog) !== "yes") return;
  const requeue = isRendering && dialog.querySelector('[value="requeue"]').checked;
  await change(button, async () => {
    for (const body of bodies()) {
      const { cancelled, refused } = await post("cancel", { ...body, requeue });
      if (cancelled.length) toast(cancelledText(cancelled, requeue), { kind: "good" });
      tellRefused(refused);
    }
    chooseNone();
  });
}

function cancelledText(ids, requeue) {
  const [id] = ids;
  if (ids.length > 1) return ngettext("%(num)s prompt was cancelled.", "%(num)s prompts were cancelled.", ids.length);
  return requeue ? _("Prompt %(id)s is back in the queue.", { id }) : _("Prompt %(id)s was cancelled.", { id });
}

const cancelSelected = (button) => {
  const count = selection.count("waiting-image") + selection.count("waiting-audio");
  return cancel(button, waitingBodies, ngettext(
    "%(num)s prompt is waiting to be rendered.", "%(num)s prompts are waiting to be rendered.", count,
  ));
};

function cancelOne(button, row) {
  const id = idOf(row);
  const isRendering = Boolean(row.dataset.prompt);
  const what = isRendering
    ? _("Prompt %(id)s is being rendered.", { id }) : _("Prompt %(id)s is waiting to be rendered.", { id });
  return cancel(button, () => [{ ids: [id] }], what, isRendering);
}

async function next(row) {
  const { moved, refused } = await post("move", { ids: [idOf(row)], place: "front" });
  tellNext(moved.length);
  tellRefused(refused);
}

async function pause(button) {
  const field = byId("pause-reason");
  field.value = "";
  if (await asked(byId("pause-dialog")) !== "yes") return;
  await change(button, async () => {
    status.paused = (await post("pause", { reason: field.value })).paused;
    showPause(status.paused);
    showWorkers(status.workers, status.paused);
    toast(_("Queue paused."));
  });
}

async function resume() {
  status.paused = (await post("resume", {})).paused;
  showPause(status.paused);
  showWorkers(status.workers, status.paused);
  toast(_("Queue resumed."), { kind: "good" });
}

/** Change the queue by a button, then look again at once. */
async function change(button, work) {
  if (button.dataset.busy) return;
  button.dataset.busy = "yes";
  try {
    if (!status) await look();
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
  retry: (button, row) => change(button, () => generate([idOf(row)], false)),
  again: (button, row) => change(button, () => generate([idOf(row)], true)),
  next: (button, row) => change(button, () => next(row)),
  cancel: cancelOne,
};
const BUTTONS = {
  pause,
  resume: (button) => change(button, resume),
  "generate-selected": (button) => change(button, generateSelected),
  "generate-all": (button) => change(button, generateAll),
  "cancel-selected": cancelSelected,
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
  const { all } = event.target.dataset;
  if (!all) return;
  selection.setAll(all, event.target.checked);
  showBoxes();
});
main.addEventListener("click", (event) => {
  if (event.target.matches(".pick")) choose(event.target, event.shiftKey);
  const button = event.target.closest("[data-act]");
  if (button) ACTS[button.dataset.act](button, button.closest("li"));
});

// -------------------------------------------------------------------------------------- looking

/** The part of the status that changes whenever a prompt enters, leaves or moves. */
function marks(found) {
  const { counts, unwritten, waiting, next_retry_at, oldest_pending, rendering: renders, outcomes } = found;
  return JSON.stringify([counts, unwritten, waiting, next_retry_at, oldest_pending,
    renders.map((item) => item.render_id), outcomes[0]?.render_id]);
}

/**
 * The rows in sight are asked for only when something moved, and now and then. Answers that are
 * older than what was done here meanwhile are dropped: another look follows.
 */
async function look(signal) {
  const before = changes;
  const found = await api(`${base}/api/v1/status`, { signal });
  if (before !== changes) return;
  const moved = marks(found);
  looks += 1;
  const isDue = !status || moved !== seen || looks >= AT_LEAST;
  if (isDue) [seen, looks] = [moved, 0];
  status = found;
  rendering = found.rendering;
  byId("trouble").hidden = true;
  showStatus();
  showLists(isDue);
}

function failed(error) {
  const words = [error.message, _("The page may show old data."), error.hint].filter(Boolean).join(" ");
  byId("trouble").hidden = false;
  if (byId("trouble").textContent !== words) byId("trouble").textContent = words;
}

const looking = poll(look, { every: EVERY, failed });
