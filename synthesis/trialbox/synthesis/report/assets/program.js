// One program: its source, its verdicts, the samples that came to it, what the model was shown and what it answered.

function programView(group, block, words) {
  const text = (number) => block.texts[number];
  const parts = [
    element(
      "p",
      { class: "verdict" },
      badge(group.state),
      ` ${count(group.samples.length, "sample", "samples")} came to ${group.source === null ? "no program" : "this program"}`,
      group.verdicts?.base && group.state !== "passed" ? ", which passes the base cases" : "",
    ),
  ];
  if (group.source !== null) parts.push(element("h4", {}, "Program"), sourceView(text(group.source), "Program"));
  if (group.verdicts?.verdicts) parts.push(element("h4", {}, "Verdicts"), ...casesView(group.verdicts, block, words));
  parts.push(element("h4", {}, "Samples"), ...group.samples.map((sample) => sampleView(sample, block)));
  return element("article", { id: "program" }, ...parts);
}

// A program may have millions of lines, or of characters that are each an element here.
const MOST_CHARACTERS = 20_000;

function sourceView(source, label) {
  const lines = source
    .slice(0, MOST_CHARACTERS)
    .split("\n")
    .map((line) => element("span", { class: "line" }, `${line}\n`));
  const code = element("code", {}, ...lines);
  return element("pre", { class: "source", tabindex: "0", "aria-label": label }, code, leftOut(source));
}

function textView(text, label) {
  return element("pre", { tabindex: "0", "aria-label": label }, text.slice(0, MOST_CHARACTERS), leftOut(text));
}

function leftOut(text) {
  const more = text.length - MOST_CHARACTERS;
  return more > 0 ? element("em", {}, `… and ${count(more, "character", "characters")} more`) : null;
}

function casesView(verdicts, block, words) {
  const rows = [...verdicts.verdicts].map((letter, number) => {
    const [message, actual, expected, sharedReason] = (verdicts.details[number] ?? []).map((place) => block.texts[place]);
    return {
      number,
      name: block.texts[verdicts.names[number]],
      verdict: words.verdicts[letter],
      trust: words.trusts[verdicts.trusts[number]] + (sharedReason ? `: ${sharedReason}` : ""),
      message: message ?? "",
      actual: actual ?? "",
      expected: expected ?? "",
      milliseconds: verdicts.milliseconds[number],
      base: block.baseCases !== null && number < block.baseCases,
    };
  });
  const code = (name) => (row) => element("code", {}, row[name]);
  const columns = [
    { title: "Case", value: (row) => row.number, cell: (row) => row.name || `case ${row.number + 1}` },
    { title: "Verdict", value: (row) => row.verdict, cell: (row) => badge(row.verdict) },
    { title: "Message", value: (row) => row.message, wide: true },
    { title: "Actual", value: (row) => row.actual, cell: code("actual"), wide: true },
    { title: "Expected", value: (row) => row.expected, cell: code("expected"), wide: true },
    { title: "Trust", value: (row) => row.trust },
    { title: "Time, ms", value: (row) => row.milliseconds, number: true },
  ];
  if (block.baseCases !== null) {
    columns.splice(1, 0, { title: "Tests", value: (row) => (row.base ? "base" : "plus") });
  }
  const table = new DataTable({ caption: "Verdicts by case", columns, rows, noun: ["case", "cases"], pageSize: 100 });
  const failing = rows.filter((row) => row.verdict !== "PASSED").length;
  if (failing === 0 || failing === rows.length) return [table.root];
  const box = element("input", { type: "checkbox", id: "failing-only" });
  box.addEventListener("change", () => table.keep((row) => !box.checked || row.verdict !== "PASSED"));
  const label = element("label", { for: "failing-only", class: "check" }, box, ` Only the ${failing} that did not pass`);
  return [label, table.root];
}

function sampleView(sample, block) {
  const facts = [
    sample.seed === null ? null : `seed ${sample.seed}`,
    sample.temperature === null ? null : `temperature ${sample.temperature}`,
    sample.tokens === null ? null : count(sample.tokens, "token", "tokens"),
    `ended by ${sample.finish}`,
    sample.seconds === null ? null : `${sample.seconds.toPrecision(3)} s`,
  ].filter((fact) => fact !== null);
  const details = element("details", { class: "sample" }, element("summary", {}, `Sample ${sample.index}: ${facts.join(", ")}`));
  const fill = () => {
    details.append(
      element("h5", {}, "Answer"),
      textView(block.texts[sample.text], `Answer of sample ${sample.index}`),
    );
    // Where a sample was recorded elsewhere, nobody knows what the model was shown.
    if (sample.prompt !== null) {
      details.append(element("h5", {}, "What the model was shown"), ...promptView(block.prompts[sample.prompt]));
    }
  };
  // A group can have hundreds of samples.
  details.addEventListener("toggle", fill, { once: true });
  return details;
}

// A prompt is a text, or a chat as JSON.
function promptView(prompt) {
  const turns = chatTurns(prompt);
  if (turns === null) return [textView(prompt, "Prompt")];
  return turns.flatMap(({ role, content }) => [element("h6", {}, role), textView(content, `Turn of the ${role}`)]);
}

function chatTurns(prompt) {
  if (!prompt.startsWith("[")) return null;
  try {
    const turns = JSON.parse(prompt);
    const fits = turns.every((turn) => typeof turn?.role === "string" && typeof turn?.content === "string");
    return turns.length > 0 && fits ? turns : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
