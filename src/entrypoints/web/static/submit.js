// The form: its content as a document, checked by the API as the user types.
import { api, base, complain, el, toast } from "./site.js";
import { _, ngettext } from "./texts.js";

/** All digits of a seed; beyond 2^53 only the raw writing has them. */
function digits(seed, raw) {
  if (Number.isSafeInteger(seed)) return String(seed);
  const found = /"seed"\s*:\s*"?(\d+)/.exec(raw || "");
  return found?.[1] || String(seed);
}

const PAUSE = 300; // milliseconds without a key before the form is checked
const byId = (id) => document.getElementById(id);
const forms = { image: byId("form-image"), audio: byId("form-audio") };
const touched = new WeakSet();

let kind = "image";
let timer = null, checking = null;

// -------------------------------------------------------------------------------- what is written

/** A whole number as JSON with all its digits; other text stays text, and the API reports it. */
function whole(text) {
  if (!/^\d{1,20}$/.test(text)) return text;
  const digits = BigInt(text).toString();
  if (JSON.rawJSON) return JSON.rawJSON(digits);
  return Number.isSafeInteger(Number(digits)) ? Number(digits) : text;
}

const READ = {
  number: (text) => whole(text.trim()),
  list: (text) => text.split(",").map((word) => word.trim()).filter(Boolean),
  text: (text) => text,
  vary: (text) => Object.fromEntries(text.split("\n").filter((line) => line.trim()).map((line) => {
    const [path, ...values] = line.split("=");
    return [path.trim(), values.join("=")];
  })),
};

/** The fields that are filled in, as the API takes them. */
function written() {
  const body = { kind };
  for (const field of forms[kind].querySelectorAll("[name]")) {
    if (field.value.trim()) body[field.name] = READ[field.dataset.type || "text"](field.value);
  }
  if (kind === "audio") body.structure = parts();
  return body;
}

function parts() {
  const counts = {};
  return [...byId("parts").children].map((item) => {
    const type = item.querySelector('[data-part="type"]').value.trim() || "verse";
    const lyrics = item.querySelector('[data-part="lyrics"]').value;
    if (type.toLowerCase() !== "verse") return { type, lyrics };
    counts.verse = (counts.verse || 0) + 1;
    return { type, number: counts.verse, lyrics };
  });
}

// ------------------------------------------------------------------------------- what is said of it

/** The fields that a problem's name means. */
function fieldsOf(name) {
  if (kind === "audio" && (name === "lyrics" || name === "structure")) {
    return [...byId("parts").querySelectorAll('[data-part="lyrics"]')];
  }
  return [...forms[kind].querySelectorAll(`[name="${CSS.escape(name)}"]`)];
}

function showProblems(problems, every) {
  const told = { ...problems };
  if (told.structure) told.lyrics ||= told.structure;
  for (const place of forms[kind].querySelectorAll("[data-wrong]")) {
    const name = place.dataset.wrong;
    const fields = fieldsOf(name);
    const seen = every || fields.some((field) => touched.has(field));
    const wrong = seen && told[name] ? sentence(name, told[name]) : "";
    if (place.textContent !== wrong) place.textContent = wrong;
    for (const field of fields) {
      if (wrong) field.setAttribute("aria-invalid", "true");
      else field.removeAttribute("aria-invalid");
    }
  }
}

/** "is blank" becomes a sentence about its field. */
function sentence(name, complaint) {
  if (!/^(is|must|contains|has)\b/.test(complaint)) return `${complaint[0].toUpperCase()}${complaint.slice(1)}.`;
  const label = byId(`${kind}-${name}`)?.labels?.[0]?.firstChild.textContent.trim() || _("Lyrics");
  return `${label}: ${complaint}.`;
}

function showVerdict(word, look, said) {
  byId("verdict").textContent = word;
  byId("verdict").className = `chip ${look}`;
  if (byId("verdict-said").textContent !== said) byId("verdict-said").textContent = said;
}

/** What the brief leaves out, such as an aspect ratio that is not understood. */
function showNotes(notes) {
  const list = byId("notes");
  if (list.textContent !== notes.join("")) list.replaceChildren(...notes.map((text) => el("li", { text })));
  list.hidden = notes.length === 0;
}

/** A document without its kind, which the form shows already. */
function shown({ kind: _kind, ...rest }) {
  return JSON.stringify(rest, null, 1);
}

function showCheck(found, body, every) {
  showProblems(found.fields, every);
  const count = Object.keys(found.fields).length;
  const begun = every || [...forms[kind].querySelectorAll("input, textarea")].some((each) => touched.has(each));
  if (!begun) showVerdict(_("not yet"), "", kind === "image" ? _("Write a prompt.") : _("Write some lyrics."));
  else if (found.ok) {
    showVerdict(_("good"), "good", found.prompts > 1
      ? ngettext("Ready to submit %(num)s prompt.", "Ready to submit %(num)s prompts.", found.prompts) : _("Ready to submit."));
  }
  else showVerdict(_("not yet"), "warm", ngettext("%(num)s field needs attention.", "%(num)s fields need attention.", count));
  showNotes(found.brief?.notes || []);
  // The writing itself, where the API gives it: a large seed is more than a number of JavaScript holds.
  byId("json").textContent = found.writing || shown(found.brief || body);
}

async function check({ every = false } = {}) {
  clearTimeout(timer);
  checking?.abort();
  checking = new AbortController();
  const body = written();
  try {
    const found = await api(`${base}/api/v1/prompts/check`, { body, signal: checking.signal });
    showCheck(found, body, every);
  } catch (error) {
    if (error.name !== "AbortError") showVerdict(_("unchecked"), "bad", error.message);
  }
}

const checkSoon = () => {
  clearTimeout(timer);
  timer = setTimeout(check, PAUSE);
};

// ----------------------------------------------------------------------------------- submitting

async function submit(event) {
  event.preventDefault();
  const button = event.submitter || forms[kind].querySelector('[type="submit"]');
  if (button.disabled) return;
  clearTimeout(timer);
  checking?.abort();
  button.disabled = true;
  const body = written();
  try {
    showSent(await api(`${base}/api/v1/prompts`, { body }), body);
    check(); // one that was on its way was given up
  } catch (error) {
    if (error.fields) await refused(error);
    else complain(error);
  }
  button.disabled = false;
  if (document.activeElement === document.body) button.focus();
}

async function refused(error) {
  showCheck({ ok: false, fields: error.fields, brief: null }, written(), true);
  const wrong = forms[kind].querySelector('[aria-invalid="true"]');
  const folded = wrong?.closest("details");
  if (folded) folded.open = true;
  if (wrong) wrong.focus();
  else toast(error.message, { kind: "bad", hint: error.hint });
}

function showSent({ id, ids, label }, body) {
  const words = (kind === "image" ? body.prompt : body.title) || _("Untitled");
  byId("sent-part").hidden = false;
  const isOne = ids.length === 1, last = ids.at(-1);
  byId("sent").prepend(el("li", {},
    isOne ? el("a", { href: `${base}/prompts/${id}`, text: _("Prompt %(id)s", { id }) })
      : el("a", { href: `${base}/compare?label=${encodeURIComponent(label)}`, text: _("Prompts %(first)s to %(last)s", { first: id, last }) }),
    el("span", { class: "soft", dir: "auto", text: words.length > 80 ? `${words.slice(0, 79)}…` : words })));
  const said = isOne ? _("Prompt %(id)s is in the queue.", { id })
    : _("Prompts %(first)s to %(last)s are in the queue.", { first: id, last });
  toast(said, {
    kind: "good", hint: _("The form keeps your input; change it to submit another."),
  });
}

// ---------------------------------------------------------------------------------- a song's parts

function number() {
  const items = [...byId("parts").children];
  items.forEach((item, index) => {
    const place = index + 1;
    item.querySelector(".number").textContent = place;
    item.querySelector('[data-part="type"]').setAttribute("aria-label", _("Type of part %(number)s", { number: place }));
    item.querySelector('[data-part="lyrics"]').setAttribute("aria-label", _("Lyrics of part %(number)s", { number: place }));
    const ways = {
      up: _("Move part %(number)s up", { number: place }), down: _("Move part %(number)s down", { number: place }),
      away: _("Remove part %(number)s", { number: place }),
    };
    for (const [way, words] of Object.entries(ways)) {
      item.querySelector(`[data-move="${way}"]`).setAttribute("aria-label", words);
    }
    item.querySelector('[data-move="up"]').disabled = index === 0;
    item.querySelector('[data-move="down"]').disabled = index === items.length - 1;
    item.querySelector('[data-move="away"]').disabled = items.length === 1;
  });
}

function add(type) {
  const item = byId("blank-part").content.firstElementChild.cloneNode(true);
  item.querySelector('[data-part="type"]').value = type;
  byId("parts").append(item);
  number();
  item.querySelector("textarea").focus();
  byId("parts-said").textContent = _("Part %(number)s was added.", { number: byId("parts").children.length });
  checkSoon();
}

function move(button) {
  const item = button.closest("li"), way = button.dataset.move;
  const next = item.nextElementSibling, before = item.previousElementSibling;
  if (way === "away") item.remove();
  else if (way === "up") before.before(item);
  else next.after(item);
  number();
  const kept = way === "away" ? (next || before)?.querySelector('[data-part="type"]') : button;
  // At either end one button is disabled; then the other one takes the focus.
  (kept.disabled ? item.querySelector("[data-move]:enabled") : kept).focus();
  const place = [...byId("parts").children].indexOf(item) + 1;
  byId("parts-said").textContent = place ? _("Moved to position %(number)s.", { number: place }) : _("The part was removed.");
  checkSoon();
}

// ------------------------------------------------------------------------------------- beginning

function choose(wanted) {
  kind = wanted;
  for (const [name, form] of Object.entries(forms)) form.hidden = name !== kind;
  document.querySelector(`[name="kind"][value="${kind}"]`).checked = true;
  check();
}

/** Fill the form with the brief of an earlier prompt. */
async function fill(id) {
  const { kind: ofPrompt, brief, brief_problem: problem, raw, text } = await api(`${base}/api/v1/prompts/${id}`);
  if (!brief) {
    toast(_("Prompt %(id)s has no brief that could be edited.", { id }), { kind: "bad", hint: problem?.message });
    return;
  }
  const form = forms[ofPrompt];
  for (const field of form.querySelectorAll("[name]")) {
    const value = field.name === "text" ? text : brief[field.name];
    if (value === null || value === undefined) continue;
    if (field.name === "seed") field.value = digits(value, raw);
    else field.value = Array.isArray(value) ? value.join(", ") : value;
  }
  if (brief.sections?.length) {
    byId("parts").replaceChildren(...brief.sections.map((section) => {
      const item = byId("blank-part").content.firstElementChild.cloneNode(true);
      item.querySelector('[data-part="type"]').value = section.type;
      item.querySelector('[data-part="lyrics"]').value = section.lyrics;
      return item;
    }));
    number();
  }
  for (const folded of form.querySelectorAll("details")) {
    folded.open = [...folded.querySelectorAll("[name]")].some((field) => field.value && field.name !== "text");
  }
  choose(ofPrompt);
  form.querySelector("[name]").focus();
}

for (const form of Object.values(forms)) {
  form.addEventListener("input", (event) => {
    touched.add(event.target);
    checkSoon();
  });
  form.addEventListener("submit", submit);
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.repeat) return;
    event.preventDefault();
    form.requestSubmit(form.querySelector('[type="submit"]'));
  });
  form.addEventListener("reset", () => setTimeout(() => {
    for (const field of form.querySelectorAll("input, textarea")) touched.delete(field);
    check();
  }));
}
document.querySelectorAll('[name="kind"]').forEach((each) => {
  each.addEventListener("change", () => choose(each.value));
});
forms.audio.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.add) add(button.dataset.add);
  if (button?.dataset.move) move(button);
});
number();
const requested = new URLSearchParams(location.search).get("kind");
choose(requested in forms ? requested : document.querySelector('[name="kind"]:checked')?.value || "image");
const earlier = new URLSearchParams(location.search).get("from");
if (/^\d{1,19}$/.test(earlier || "")) fill(earlier).catch(complain);
