// Tells those who look elsewhere that the queue is empty, paused or failing: in the title of the
// tab, and by a notification where the user allowed it.
import { api, base, toast } from "./site.js";
import { _, ngettext } from "./texts.js";

const EVERY = 10_000; // milliseconds; a browser makes it a minute for a tab in the background
const ASKED = "mediagen-notify"; // whether the user was asked

let before = null;
let title = null; // of the page, while the tab shows something else

const sum = (counts, name) => (counts.image[name] || 0) + (counts.audio[name] || 0);

const BROKEN = { image: _("Images cannot be rendered."), audio: _("Songs cannot be rendered.") };
const BROKEN_WORKFLOW = {
  image: (workflow) => _("Images of the workflow “%(workflow)s” cannot be rendered.", { workflow }),
  audio: (workflow) => _("Songs of the workflow “%(workflow)s” cannot be rendered.", { workflow }),
};
const WAITING_KIND = { image: _("Some images wait."), audio: _("Some songs wait.") };
const WAITING_WORKFLOW = {
  image: (workflow) => _("Some images of the workflow “%(workflow)s” wait.", { workflow }),
  audio: (workflow) => _("Some songs of the workflow “%(workflow)s” wait.", { workflow }),
};

/** What a problem keeps from being rendered. */
export function brokenText({ kind, workflow, some }) {
  const [whole, named] = some ? [WAITING_KIND, WAITING_WORKFLOW] : [BROKEN, BROKEN_WORKFLOW];
  return workflow ? named[kind](workflow) : whole[kind];
}

function told(status) {
  return {
    open: sum(status.counts, "pending") + sum(status.counts, "processing")
      - status.unwritten.image - status.unwritten.audio,
    failed: sum(status.counts, "error"),
    ready: sum(status.counts, "ready"),
    paused: status.paused,
    broken: status.broken.map((each) => `${brokenText(each)} ${each.message}`),
  };
}

/** What has happened between two looks: { badge, text }, or null. */
export function news(earlier, now) {
  if (now.paused && !earlier.paused) return { badge: "⏸", text: _("The queue is paused: %(reason)s", { reason: now.paused.reason }) };
  const [broken] = now.broken.filter((text) => !earlier.broken.includes(text));
  if (broken) return { badge: "!", text: broken };
  if (now.failed > earlier.failed) {
    const count = now.failed - earlier.failed;
    return { badge: "!", text: ngettext("A prompt failed.", "%(num)s prompts failed.", count) };
  }
  const count = now.ready - earlier.ready;
  if (!now.open && (earlier.open || count > 0)) { // it may have filled and emptied since
    return {
      badge: "✓",
      text: count > 0
        ? ngettext("The queue is empty; %(num)s prompt is ready.", "The queue is empty; %(num)s prompts are ready.", count)
        : _("The queue is empty."),
    };
  }
  return null;
}

async function look() {
  try {
    const now = told(await api(`${base}/api/v1/status`));
    const found = before && news(before, now);
    before = now;
    if (found && document.hidden) show(found);
  } catch {
    // The page itself says when the server cannot be reached.
  }
  setTimeout(look, EVERY);
}

function show({ badge, text }) {
  title ??= document.title;
  document.title = `${badge} ${title}`;
  if (!window.Notification || Notification.permission !== "granted") return;
  // One tag for all tabs, so that several show one notification.
  const shown = new Notification("Media Generator", { body: text, tag: "mediagen-queue", icon: new URL("icon.svg", import.meta.url).pathname });
  shown.addEventListener("click", () => { window.focus(); shown.close(); });
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden || title === null) return;
  document.title = title;
  title = null;
});

/** The button that asks for permission: shown until it was answered once. */
function offer() {
  const button = document.getElementById("notify");
  if (!button || !window.Notification || Notification.permission !== "default") return;
  try {
    if (localStorage.getItem(ASKED)) return;
  } catch {
    return; // or it would ask each time
  }
  button.hidden = false;
  button.addEventListener("click", async () => {
    const answer = await Notification.requestPermission();
    localStorage.setItem(ASKED, answer);
    button.hidden = true;
    if (answer === "granted") toast(_("You will be notified when the queue is empty, paused or failing."), { kind: "good" });
  });
}

offer();
setTimeout(look, EVERY / 5);
