// The two tables of the page, and the fields that filter them.

function tasksTable(overview, words) {
  const rows = overview.tasks.map((task, number) => ({ ...task, number, searched: `${task.id}\n${task.prompt}`.toLowerCase() }));
  const share = (row) => (row.samples ? row.passed / row.samples : null);
  const columns = [
    { title: "Task", value: (row) => row.number, cell: (row) => row.id },
    { title: "What it asks", value: (row) => row.prompt.trim(), cell: (row) => shortened(row.prompt.trim(), 160), wide: true, extra: true },
    { title: "Samples pass", value: share, cell: (row) => shareBar(row.passed, row.samples), number: true },
    { title: "Programs", value: (row) => row.programs, number: true },
    ...words.states
      .filter((state) => state !== "passed" && rows.some((row) => row.states[state]))
      .map((state) => ({ title: state, value: (row) => row.states[state] ?? 0, number: true, extra: true })),
  ];
  if (rows.some((row) => row.tokens !== null)) {
    columns.push({ title: "Tokens, mean", value: (row) => row.tokens, cell: (row) => row.tokens ?? "", number: true, extra: true });
  }
  const table = new DataTable({ caption: "Tasks", columns, rows, noun: ["task", "tasks"], link: (row) => address(row.number) });
  const kinds = {
    solved: (row) => row.passed > 0,
    "not solved": (row) => row.passed === 0,
    ...Object.fromEntries(
      words.states.filter((state) => state !== "passed").map((state) => [`with ${state}`, (row) => row.states[state] > 0]),
    ),
  };
  return [filters("tasks", kinds, table), table.root];
}

function programsTable(overview, words) {
  const { groups, reasons, tasks } = overview;
  const rows = groups.task.map((task, place) => {
    const reason = reasons[groups.reason[place]];
    const name = `${tasks[task].id} · ${groups.state[place] === "no code" ? "none" : groups.group[place] + 1}`;
    return {
      place,
      task,
      name,
      reason,
      group: groups.group[place],
      samples: groups.samples[place],
      state: groups.state[place],
      base: groups.base[place],
      passed: groups.passed[place],
      cases: groups.cases[place],
      searched: `${name}\n${reason}`.toLowerCase(),
    };
  });
  const columns = [
    { title: "Task · program", value: (row) => row.place, cell: (row) => row.name },
    { title: "Outcome", value: (row) => row.state, cell: (row) => badge(row.state) },
    { title: "Samples", value: (row) => row.samples, number: true },
    {
      title: "Cases passed",
      value: (row) => (row.cases ? row.passed / row.cases : null),
      cell: (row) => (row.cases ? `${row.passed} of ${row.cases}` : ""),
      number: true,
      extra: true,
    },
    { title: "First failure", value: (row) => row.reason || null, cell: (row) => row.reason, wide: true, extra: true },
  ];
  const link = (row) => address(row.task, row.group);
  const table = new DataTable({ caption: "Programs", columns, rows, noun: ["row", "rows"], link });
  const kinds = Object.fromEntries(words.states.map((state) => [state, (row) => row.state === state]));
  if (rows.some((row) => row.base !== null)) {
    kinds["passes the base cases only"] = (row) => row.base && row.state !== "passed";
  }
  return [filters("programs", kinds, table), table.root];
}

function shareBar(passed, samples) {
  const filled = element("span", { class: "filled" });
  filled.style.width = `${samples ? (100 * passed) / samples : 0}%`;
  return element("span", { class: "share" }, element("span", { class: "track", "aria-hidden": "true" }, filled), element("span", {}, `${passed} of ${samples}`));
}

// A field for text and one for the kind of row; kinds that no row is of are left out.
function filters(name, kinds, table) {
  const search = element("input", { type: "search", id: `${name}-text`, autocomplete: "off" });
  const select = element("select", { id: `${name}-kind` }, element("option", { value: "" }, "all"));
  for (const [kind, wanted] of Object.entries(kinds)) {
    const found = table.rows.filter(wanted).length;
    if (found) select.append(element("option", { value: kind }, `${kind} (${found.toLocaleString("en")})`));
  }
  const keep = () => {
    const text = search.value.toLowerCase();
    const wanted = kinds[select.value] ?? (() => true);
    table.keep((row) => wanted(row) && row.searched.includes(text));
  };
  search.addEventListener("input", keep);
  select.addEventListener("change", keep);
  return element(
    "div",
    { class: "filters" },
    element("label", {}, "Filter by text ", search),
    element("label", {}, "Show ", select),
  );
}

// Tabs as the ARIA practices have them: arrows go from one to the next.
function tabs(list) {
  const all = [...list.querySelectorAll("[role=tab]")];
  const choose = (chosen) => {
    for (const tab of all) {
      tab.setAttribute("aria-selected", String(tab === chosen));
      tab.tabIndex = tab === chosen ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = tab !== chosen;
    }
  };
  all.forEach((tab, place) => {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = all[(place + step + all.length) % all.length];
      choose(next);
      next.focus();
    });
  });
}
