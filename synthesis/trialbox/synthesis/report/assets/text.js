// What models and programs wrote goes onto the page through here only: as text, never as markup.

// Controls, marks that turn the direction of text, lone surrogates: what a reader would not see, or would see elsewhere.
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu;
const WHITE_SPACE = new Set(["\t", "\n"]);

// The text as nodes in which what is invisible shows its number.
function shown(text) {
  const fragment = document.createDocumentFragment();
  let from = 0;
  for (const { 0: char, index } of text.matchAll(INVISIBLE)) {
    if (WHITE_SPACE.has(char)) continue;
    const mark = document.createElement("span");
    mark.className = "invisible";
    mark.textContent = `U+${char.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
    fragment.append(text.slice(from, index), mark);
    from = index + char.length;
  }
  fragment.append(text.slice(from));
  return fragment;
}

// An element with attributes of ours and children: elements, or texts from anywhere.
function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== null && value !== false) made.setAttribute(name, value);
  }
  for (const child of children) {
    if (child === null) continue;
    made.append(child instanceof Node ? child : shown(String(child)));
  }
  return made;
}

function shortened(text, length) {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

function badge(state) {
  const kind = state === "passed" || state === "PASSED" ? "good" : state === "not graded" || state === "NOT_RUN" ? "open" : "bad";
  return element("span", { class: `badge ${kind}` }, state);
}

function count(number, one, many) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}
