// The page for workflow files: one is sent to be checked, and what was found is shown.
import { api, base, bytes, el } from "./site.js";
import { _, ngettext } from "./texts.js";

const byId = (id) => document.getElementById(id);
const picker = byId("file"), drop = byId("drop");
const most = Number(picker.dataset.most);

let file = null, checking = null, address = null;

function showVerdict(word, look, said) {
  byId("verdict").hidden = !word;
  byId("verdict").textContent = word;
  byId("verdict").className = `chip ${look}`;
  byId("said").textContent = said;
}

function fill(part, list, items) {
  byId(part).hidden = items.length === 0;
  byId(list).replaceChildren(...items);
}

// ------------------------------------------------------------------------------------- what is found

const finding = (found) => el("li", { class: "finding" },
  el("p", {}, el("code", { text: found.code }), " ",
    found.node ? el("b", { text: _("Node %(node)s (%(title)s): ", { node: found.node, title: found.title }) }) : null, found.message),
  el("p", { class: "hint", text: found.hint }));

function problems(found) {
  const lists = [["", found.findings], ...found.servers.map((each) => [each.server, each.findings])];
  return lists.filter(([, findings]) => findings.length).flatMap(([server, findings]) => [
    server ? el("h3", { text: server }) : null,
    el("ul", { class: "plain" }, findings.map(finding)),
  ]).filter(Boolean);
}

const named = (field) => _(sentenceCase(field.replaceAll("_", " ")));
const sentenceCase = (words) => words[0].toUpperCase() + words.slice(1);

function inputs(found) {
  const rows = found.inputs.map((input) => el("tr", {},
    el("th", { scope: "row", text: named(input.field) }),
    el("td", {}, el("code", { text: input.input }), el("small", { text: input.reason })),
    el("td", { class: "example", dir: "auto", text: input.example ?? "–" })));
  const missing = Object.entries(found.missing).map(([field, reason]) => el("tr", {},
    el("th", { scope: "row", text: named(field) }),
    el("td", {}, el("span", { class: "warm", text: _("no input") }), el("small", { text: reason })),
    el("td", { text: "–" })));
  return [...rows, ...missing];
}

const notes = (found) => [
  ...found.warnings.map((text) => el("li", {}, el("span", { class: "chip warm", text: _("warning") }), " ", text)),
  ...found.notes.map((text) => el("li", { text })),
];

const answer = (server) => el("li", { class: "answer" },
  el("p", {},
    el("span", {
      class: `chip ${server.reachable ? (server.findings.length ? "bad" : "good") : "warm"}`,
      text: server.reachable ? (server.findings.length ? ngettext("%(num)s problem", "%(num)s problems", server.findings.length) : _("OK")) : _("not asked"),
    }), " ", el("b", { text: server.server })),
  el("p", { class: "soft", text: server.trouble || Object.entries(server.versions).map((pair) => pair.join(" ")).join(", ") }),
  server.notes.map((text) => el("p", { text })));

function offer(found) {
  if (address) URL.revokeObjectURL(address);
  address = null;
  byId("use").hidden = found.api_file === null;
  if (found.api_file === null) return;
  address = URL.createObjectURL(new Blob([found.api_file], { type: "application/json" }));
  byId("download").href = address;
  byId("download").download = `${found.name.replace(/\.[^.]*$/, "") || "workflow"}_api.json`;
  const mapping = { media: { inputs: { [found.kind]: found.configuration } } };
  byId("configuration").textContent = JSON.stringify(mapping, null, 2);
}

function verdict(found) {
  const { name } = found;
  let said = _("%(name)s: not a workflow.", { name });
  if (found.nodes) {
    said = found.kind === "image"
      ? ngettext("%(name)s: a workflow for images, %(num)s node.", "%(name)s: a workflow for images, %(num)s nodes.", found.nodes, { name })
      : ngettext("%(name)s: a workflow for songs, %(num)s node.", "%(name)s: a workflow for songs, %(num)s nodes.", found.nodes, { name });
  }
  if (!found.nodes || found.refusal) return [_("not usable"), "bad", said];
  if (!found.fine) return [_("problems"), "bad", said];
  const unasked = found.servers.filter((each) => !each.reachable).length;
  if (unasked || found.servers.length === 0) return [_("no problems"), "warm", `${said} ${_("No server was asked.")}`];
  return [_("no problems"), "good", said];
}

function show(found) {
  byId("outcome").hidden = false;
  byId("refused").hidden = !found.refusal;
  byId("refusal").textContent = found.refusal ? `${found.refusal.message}. ${found.refusal.hint}` : "";
  fill("problems", "problem-lists", problems(found));
  fill("inputs", "input-rows", found.nodes ? inputs(found) : []);
  fill("notes", "note-list", notes(found));
  fill("answers", "server-list", found.servers.map(answer));
  offer(found);
  showVerdict(...verdict(found));
}

// ---------------------------------------------------------------------------------------- sending

async function check() {
  if (!file) return;
  checking?.abort();
  checking = new AbortController();
  const { signal } = checking;
  byId("outcome").hidden = true;
  if (file.size > most) {
    showVerdict(_("too large"), "bad",
      _("%(name)s has %(size)s; at most %(most)s are checked.", { name: file.name, size: bytes(file.size), most: bytes(most) }));
    return;
  }
  showVerdict(_("checking"), "accent", file.name);
  const query = new URLSearchParams({ name: file.name.slice(0, 200) });
  const kind = document.querySelector('[name="kind"]:checked').value;
  if (kind) query.set("kind", kind);
  if (!byId("servers").checked) query.set("offline", "1");
  try {
    show(await api(`${base}/api/v1/workflows/check?${query}`, { file, signal }));
  } catch (error) {
    if (error.name !== "AbortError") showVerdict(_("unchecked"), "bad", [error.message, error.hint].filter(Boolean).join(" "));
  }
}

function choose(files) {
  if (!files.length) return;
  file = files[0];
  check();
}

picker.addEventListener("change", () => choose(picker.files));
byId("servers").addEventListener("change", check);
document.querySelectorAll('[name="kind"]').forEach((each) => each.addEventListener("change", check));

// A file that is dropped beside the field would be opened by the browser in place of the page.
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.toggle("over", drop.contains(event.target));
});
document.addEventListener("dragleave", () => drop.classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  choose(event.dataTransfer.files);
});
