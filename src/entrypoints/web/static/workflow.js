// The page for workflow files: one is sent to be checked, and what was found is shown.
import { api, base, bytes, el } from "./site.js";

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

const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

function fill(part, list, items) {
  byId(part).hidden = items.length === 0;
  byId(list).replaceChildren(...items);
}

// ------------------------------------------------------------------------------------- what is found

const finding = (found) => el("li", { class: "finding" },
  el("p", {}, el("code", { text: found.code }), " ",
    found.node ? el("b", { text: `Node ${found.node} (${found.title}): ` }) : null, found.message),
  el("p", { class: "hint", text: found.hint }));

function problems(found) {
  const lists = [["", found.findings], ...found.servers.map((each) => [each.server, each.findings])];
  return lists.filter(([, findings]) => findings.length).flatMap(([server, findings]) => [
    server ? el("h3", { text: server }) : null,
    el("ul", { class: "plain" }, findings.map(finding)),
  ]).filter(Boolean);
}

const named = (field) => field.replaceAll("_", " ");

function inputs(found) {
  const rows = found.inputs.map((input) => el("tr", {},
    el("th", { scope: "row", text: named(input.field) }),
    el("td", {}, el("code", { text: input.input }), el("small", { text: input.reason })),
    el("td", { class: "example", dir: "auto", text: input.example ?? "–" })));
  const missing = Object.entries(found.missing).map(([field, reason]) => el("tr", {},
    el("th", { scope: "row", text: named(field) }),
    el("td", {}, el("span", { class: "warm", text: "no input" }), el("small", { text: reason })),
    el("td", { text: "–" })));
  return [...rows, ...missing];
}

const notes = (found) => [
  ...found.warnings.map((text) => el("li", {}, el("span", { class: "chip warm", text: "warning" }), " ", text)),
  ...found.notes.map((text) => el("li", { text })),
];

const answer = (server) => el("li", { class: "answer" },
  el("p", {},
    el("span", {
      class: `chip ${server.reachable ? (server.findings.length ? "bad" : "good") : "warm"}`,
      text: server.reachable ? (server.findings.length ? plural(server.findings.length, "problem") : "OK") : "not asked",
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
  const media = found.kind === "image" ? "images" : "songs";
  const what = found.nodes ? `a workflow for ${media}, ${plural(found.nodes, "node")}` : "not a workflow";
  const said = `${found.name}: ${what}.`;
  if (!found.nodes || found.refusal) return ["not usable", "bad", said];
  if (!found.fine) return ["problems", "bad", said];
  const unasked = found.servers.filter((each) => !each.reachable).length;
  if (unasked || found.servers.length === 0) return ["no problems", "warm", `${said} No server was asked.`];
  return ["no problems", "good", said];
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
    showVerdict("too large", "bad", `${file.name} has ${bytes(file.size)}; at most ${bytes(most)} are checked.`);
    return;
  }
  showVerdict("checking", "accent", file.name);
  const query = new URLSearchParams({ name: file.name.slice(0, 200) });
  const kind = document.querySelector('[name="kind"]:checked').value;
  if (kind) query.set("kind", kind);
  if (!byId("servers").checked) query.set("offline", "1");
  try {
    show(await api(`${base}/api/v1/workflows/check?${query}`, { file, signal }));
  } catch (error) {
    if (error.name !== "AbortError") showVerdict("unchecked", "bad", [error.message, error.hint].filter(Boolean).join(" "));
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
