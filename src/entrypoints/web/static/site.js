// What every page uses. Text from the database only ever becomes textContent.
import { _, language } from "./texts.js";

export class ApiError extends Error {
  constructor(status, problem = {}, fields = null) {
    super(problem.message || _("The server answered with status %(status)s.", { status }));
    this.status = status;
    this.code = problem.code || "unknown";
    this.hint = problem.hint || null;
    this.fields = fields;
  }
}

/** BASE, where this is BASE/static/DIGEST/site.js. */
export const base = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");

let csrf = null;

/** Fetch JSON; a `body` is sent as JSON, by POST unless `method` says otherwise; a `file` as it is. */
export async function api(path, { method, body, file, signal } = {}, again = true) {
  const verb = method || (body === undefined && !file ? "GET" : "POST");
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (file) {
    headers["Content-Type"] = "application/octet-stream";
    csrf = null; // with an old token, a large file would be refused for its size
  }
  if (verb !== "GET") {
    csrf ||= (await api(`${base}/api/v1/token`)).csrf;
    headers["X-Mediagen-Token"] = csrf;
  }
  let answer;
  try {
    answer = await fetch(path, {
      method: verb, headers, signal, body: file || (body === undefined ? undefined : JSON.stringify(body)),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, {
      code: "unreachable", message: _("The server cannot be reached."),
      hint: _("Is 'mediagen serve' still running?"),
    });
  }
  const document_ = await answer.text().then(read, () => null);
  if (answer.ok) return document_;
  const problem = document_?.error;
  if (answer.status === 401) location.assign(`${base}/login?next=${encodeURIComponent(here())}`);
  if (problem?.code === "csrf_token_needed" && again) {
    csrf = null; // the server was restarted
    return api(path, { method, body, signal }, false);
  }
  throw new ApiError(answer.status, problem, document_?.fields);
}

/** A JSON document or null; a seed that is more than a number holds stays text, with all its digits. */
function read(text) {
  const exact = (name, value, context) => (
    name === "seed" && typeof value === "number" && !Number.isSafeInteger(value) && context?.source || value
  );
  try {
    return JSON.parse(text, /\d{16}/.test(text) ? exact : undefined);
  } catch {
    return null;
  }
}

const here = () => location.pathname + location.search;

/** An element. Properties: `class`, `text`, `data` (object), `on` (object of listeners), attributes. */
export function el(tag, properties = {}, ...children) {
  const svg = tag === "svg" || tag === "path";
  const made = svg
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") made.textContent = value;
    else if (name === "data") Object.assign(made.dataset, value);
    else if (name === "on") {
      for (const [event, listener] of Object.entries(value)) made.addEventListener(event, listener);
    } else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

const boxes = document.getElementById("toasts");

/** What is outside a dialog cannot be reached. */
function placeToasts() {
  const place = [...document.querySelectorAll("dialog:modal")].at(-1) || document.body;
  if (boxes.parentNode === place) return;
  place.append(boxes);
  place.addEventListener("close", placeToasts, { once: true });
}

/** Show a message for some seconds; `kind` is "good", "bad" or nothing. Errors stay until closed. */
export function toast(message, { kind = "", hint = null } = {}) {
  const close = el("button", { type: "button", class: "quiet", "aria-label": _("Close"), text: "×" });
  const box = el("div", { class: `toast ${kind}` },
    el("p", {}, message, hint ? el("small", { text: hint }) : null), close);
  close.addEventListener("click", () => box.remove());
  placeToasts();
  boxes.append(box);
  while (boxes.children.length > 4) boxes.firstChild.remove();
  if (kind !== "bad") setTimeout(() => box.remove(), 6000);
  return box;
}

/** Show what went wrong, with its hint. */
export function complain(error) {
  if (error.name === "AbortError") return;
  if (!(error instanceof ApiError)) console.error(error);
  toast(error.message, { kind: "bad", hint: error.hint });
}

/**
 * Call `work(signal)` now (or later, unless `atOnce`) and every so many milliseconds while the tab
 * is seen. Waits longer after failures, which go to `failed`. Gives { now(), stop() }.
 */
export function poll(work, { every = 2000, failed = () => {}, atOnce = true } = {}) {
  let timer = null, running = null, failures = 0, stopped = false, wanted = false;
  const run = async () => {
    clearTimeout(timer);
    if (running) { wanted = true; return; }
    if (stopped || document.hidden) return;
    running = new AbortController();
    try {
      await work(running.signal);
      failures = 0;
    } catch (error) {
      if (error.name !== "AbortError") { failures += 1; failed(error); }
    }
    running = null;
    if (stopped) return;
    const soon = wanted;
    wanted = false;
    timer = setTimeout(run, soon ? 0 : Math.min(every * 2 ** failures, 30000));
  };
  const seen = () => { if (!document.hidden) run(); };
  document.addEventListener("visibilitychange", seen);
  if (atOnce) run();
  else timer = setTimeout(run, every);
  return {
    now: run,
    stop() {
      stopped = true;
      clearTimeout(timer);
      running?.abort();
      document.removeEventListener("visibilitychange", seen);
    },
  };
}

/** A moment of the API ("2026-01-06T21:30:45", UTC) as a Date. */
export const moment = (iso) => new Date(/Z|[+-]\d\d:\d\d$/.test(iso) ? iso : `${iso}Z`);

const UNITS = [["year", 31536000], ["month", 2592000], ["week", 604800], ["day", 86400], ["hour", 3600], ["minute", 60]];
const relative = new Intl.RelativeTimeFormat(language);
const exact = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });

const decimal = new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** "3 minutes ago", "in 2 hours"; languages.py says the same. */
export function ago(iso) {
  const seconds = (moment(iso) - Date.now()) / 1000;
  if (Number.isNaN(seconds)) return iso;
  for (const [unit, length] of UNITS) {
    if (Math.abs(seconds) >= length) return relative.format(Math.round(seconds / length), unit);
  }
  return seconds > 5 ? _("in %(seconds)s s", { seconds: Math.round(seconds) }) : _("just now");
}

/** A <time> element that says how long ago, is updated, and has the exact time as its title. */
export function time(iso) {
  const made = el("time", { datetime: iso ? `${iso}Z` : null, text: iso || "–" });
  if (iso) tell(made);
  return made;
}

function tell(element) {
  const iso = element.getAttribute("datetime").replace(/ZZ$/, "Z");
  const when = moment(iso);
  if (Number.isNaN(when.getTime())) return;
  element.title = exact.format(when);
  const said = ago(iso);
  if (element.textContent !== said) element.textContent = said;
}

/** 3:07, or 1:02:03. */
export function clock(seconds) {
  if (!Number.isFinite(seconds)) return "–:––";
  const whole = Math.max(0, Math.round(seconds));
  const rest = String(whole % 60).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${rest}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}

/** 2.4 s, 40 s, 3 min, 1.5 h: how long something took. */
export function span(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 10) return `${decimal.format(seconds)} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${decimal.format(seconds / 3600)} h`;
}

/** 1.4 MB. */
export function bytes(count) {
  if (count === null || count === undefined) return "–";
  let value = count, unit = "B";
  for (const next of ["kB", "MB", "GB", "TB"]) {
    if (value < 1000) break;
    value /= 1000;
    unit = next;
  }
  return `${unit === "B" || value >= 100 ? Math.round(value) : decimal.format(value)} ${unit}`;
}

/** Whether the user is typing there, so that single keys are text. */
export const isTyping = (target) =>
  target instanceof HTMLElement
  && (target.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName));

function themes() {
  const button = document.getElementById("theme");
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const show = () => {
    button.textContent = isDark() ? _("Light") : _("Dark");
    button.setAttribute("aria-label", isDark() ? _("Switch to the light theme") : _("Switch to the dark theme"));
  };
  button.addEventListener("click", () => {
    const wanted = isDark() ? "light" : "dark";
    // If this is the system's theme, follow the system again.
    const follows = (wanted === "dark") === system.matches;
    if (follows) delete root.dataset.theme;
    else root.dataset.theme = wanted;
    try {
      if (follows) localStorage.removeItem("mediagen-theme");
      else localStorage.setItem("mediagen-theme", wanted);
    } catch {
      // Without storage the choice lasts until the page is closed.
    }
    show();
    document.dispatchEvent(new CustomEvent("theme"));
  });
  system.addEventListener("change", () => {
    show();
    document.dispatchEvent(new CustomEvent("theme"));
  });
  show();
}

themes();
/** Write all times of the page as people say them. */
export const tellAll = () => {
  if (!document.hidden) document.querySelectorAll("time[datetime]").forEach(tell);
};
tellAll();
setInterval(tellAll, 30000);

/** Call a function when the page has nothing else to do. */
export const atRest = window.requestIdleCallback || ((work) => setTimeout(work, 300));
atRest(() => {
  import("./attention.js").catch(() => {});
  let kept = null;
  try {
    kept = sessionStorage.getItem("mediagen-player");
  } catch {
    // Without storage the song ends with its page.
  }
  if (kept) import("./player.js").then(({ thePlayer }) => thePlayer().resume(JSON.parse(kept))).catch(() => {});
});
