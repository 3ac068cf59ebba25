// Texts in the language of the page; docs/translations.md says how they are marked and translated.

const code = document.documentElement.lang || "en";
const ofCode = (tag) => tag.split("-")[0] === code.split("-")[0];

/** The language of the page for Intl and toLocaleString, as the browser's region writes it. */
export const language = navigator.languages.find(ofCode) || code;

const rules = new Intl.PluralRules(code);
// A script that runs before all modules leaves the catalogue there: a module that waits for it would
// hold up all others.
const { texts, forms } = globalThis.mediagenTexts || {};
const known = new Map(Object.entries(texts || {}));

function filled(text, values) {
  return text.replace(/%(?:%|\((\w+)\)s)/g, (_whole, name) => (name ? values[name] : "%"));
}

/** A text, with each %(name)s replaced by a value. */
export const _ = (text, values = {}) => filled(known.get(text) ?? text, values);

/** The text for a count, which is %(num)s in it. */
export function ngettext(one, many, count, values = {}) {
  const translated = known.get(one);
  const text = translated ? translated[forms[rules.select(count)]] : count === 1 ? one : many;
  return filled(text, { num: count.toLocaleString(language), ...values });
}

const choice = document.getElementById("language");
choice?.addEventListener("change", () => {
  const { cookiePath } = choice.dataset;
  document.cookie = `mediagen_language=${choice.value}; path=${cookiePath}; max-age=31536000; samesite=lax`;
  location.reload();
});
