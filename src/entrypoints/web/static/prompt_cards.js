// Browse with a status: the cards of prompts, with what they wait for or why they failed.
import { again } from "./actions.js";
import { more, pick } from "./cards.js";
import { api, base, complain, el, time } from "./site.js";
import { _, ngettext } from "./texts.js";

const COMPARED = 20; // prompts, in a look for changes
const CHIPS = { error: "bad", processing: "accent" };

/** The status of a prompt in a list, as people see it. */
export const statusOf = (prompt) => (prompt.error?.code === "cancelled" ? "cancelled" : prompt.artifact_status);

function reasonOf(prompt) {
  if (prompt.error) return prompt.error.message;
  if (prompt.artifact_status === "processing") return _("It is being rendered.");
  if (prompt.artifact_status !== "pending") return "";
  return prompt.is_written ? _("It waits to be rendered.") : _("It waits for its writing.");
}

/** A card for a prompt. */
export function promptCard(prompt) {
  const status = statusOf(prompt), name = prompt.title || prompt.text, reason = reasonOf(prompt);
  const count = prompt.artifact_count;
  const made = el("li", { class: "card asked", data: { id: prompt.id } },
    el("a", { class: "open main", href: `${base}/prompts/${prompt.id}` },
      el("span", { class: "frame" },
        el("span", { class: "eyebrow" }, el("span", { class: `chip ${CHIPS[status] || ""}`, text: _(status) }),
          ` ${prompt.kind === "image" ? "image_prompt" : "lyrics_prompt"} ${prompt.id}`),
        el("span", { class: "why", dir: "auto", title: reason }, reason,
          prompt.error?.hint ? el("span", { class: "soft", text: ` ${prompt.error.hint}` }) : null),
        el("span", { class: "eyebrow" }, prompt.error?.code ? el("code", { text: prompt.error.code }) : null,
          count ? ` ${ngettext("%(num)s file", "%(num)s files", count)}` : null)),
      el("span", { class: "name", dir: "auto", text: name, title: prompt.text || name })),
    el("p", { class: "eyebrow" }, time(prompt.created_at),
      status === "error" || status === "cancelled" ? el("button", {
        type: "button", class: "again quiet", "aria-label": _("Retry prompt %(id)s", { id: prompt.id }), text: _("Retry"),
      }) : null,
      more(name)));
  made.append(pick(name));
  return made;
}

/** Whether a card that the server made may stay. One of a list before may have another status now. */
export function adoptPrompt(made, prompt) {
  if (made.querySelector(".pick") || !made.classList.contains("asked") || made.dataset.id !== String(prompt?.id)) return false;
  made.append(pick(prompt.title || prompt.text));
  return true;
}

/** What the actions of a card are about, as actionsOf takes it. */
export const subjectOf = (prompt) => [
  { prompt_id: prompt.id, kind: prompt.kind, prompt: prompt.text },
  { status: statusOf(prompt), changed: () => changed(prompt) },
];

export const retry = (prompt) => again(prompt.id).then(() => changed(prompt));

/** Something was done with a prompt: it may no longer belong to the list. */
async function changed(prompt) {
  const now = await api(`${base}/api/v1/prompts/${prompt.id}`).catch(complain);
  if (now && statusOf(now) !== statusOf(prompt)) document.dispatchEvent(new CustomEvent("moved", { detail: [prompt] }));
}

/** Whether the beginning of a list is another one by now. */
export async function differs(shelf) {
  const { items } = await shelf.ask(null, COMPARED);
  return items.length !== Math.min(shelf.length, COMPARED) || items.some((prompt, at) => prompt.id !== shelf.ids[at]);
}
