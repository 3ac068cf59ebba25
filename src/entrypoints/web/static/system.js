// The system page: refreshed, with local times and paths to copy.
import { complain, moment, poll, time, toast } from "./site.js";
import { _, language } from "./texts.js";

const EVERY = 5000; // milliseconds; the doctor checks every half minute at most
const SOON = 1200; // milliseconds, while the first checks run

const short = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(language, { weekday: "short", day: "numeric" });
const long = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
const days = new URLSearchParams(location.search).get("hours") === "168";

/** If a plot is wider than the screen, show its newest end first. */
function showNewest(root) {
  for (const plot of root.querySelectorAll(".plot")) plot.scrollLeft = plot.scrollWidth;
}

function localTimes(root) {
  for (const place of root.querySelectorAll("[data-moment]")) {
    const when = moment(place.dataset.moment);
    const style = "long" in place.dataset ? long : days ? day : short;
    if (!Number.isNaN(when.getTime())) place.textContent = style.format(when);
  }
  for (const place of root.querySelectorAll("time[datetime]")) {
    place.replaceWith(time(place.getAttribute("datetime").replace(/Z$/, "")));
  }
}

/** The focus in a part: the key of its <details>, "" for anything else, or null. */
function focusIn(part) {
  const held = document.activeElement;
  if (!part.contains(held)) return null;
  return (held.matches("summary") && held.parentElement.dataset.key) || "";
}

/** Replace the parts that have changed, but for one that is being clicked; focus and open details stay. */
function takeOver(page) {
  for (const old of document.querySelectorAll("[data-fresh]")) {
    const fresh = page.querySelector(`[data-fresh="${CSS.escape(old.dataset.fresh)}"]`);
    const focused = focusIn(old);
    if (!fresh || old.said === fresh.outerHTML || focused === "" || old.matches(":active")) continue;
    const said = fresh.outerHTML;
    const had = old.querySelector("details") !== null;
    for (const folded of old.querySelectorAll("details[data-key]")) {
      const same = fresh.querySelector(`details[data-key="${CSS.escape(folded.dataset.key)}"]`);
      if (same && had) same.open = folded.open;
    }
    document.adoptNode(fresh);
    localTimes(fresh);
    fresh.said = said;
    const at = old.querySelector(".plot")?.scrollLeft;
    old.replaceWith(fresh);
    if (focused) fresh.querySelector(`details[data-key="${CSS.escape(focused)}"] > summary`)?.focus();
    if (at !== undefined) fresh.querySelector(".plot").scrollLeft = at;
  }
}

const isLooking = () => Boolean(document.querySelector("[data-checking='yes']"));

async function look(signal) {
  const answer = await fetch(location.pathname + location.search, { signal });
  if (!answer.ok || answer.redirected) return;
  takeOver(new DOMParser().parseFromString(await answer.text(), "text/html"));
  if (isLooking()) setTimeout(() => looking.now(), SOON);
}

async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // The clipboard API needs HTTPS or localhost; elsewhere only this older way works.
  const field = document.createElement("textarea");
  field.value = text;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  if (!done) throw new Error(_("The browser blocked copying."));
}

document.getElementById("main").addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  copy(button.dataset.copy).then(
    () => toast(_("Path copied."), { kind: "good" }), complain,
  ).then(() => button.focus());
});

localTimes(document);
showNewest(document);
const looking = poll(look, { every: EVERY });
