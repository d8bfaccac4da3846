// One task in a dialog: what it asks, the reference, and its programs; its address is `#task=NUMBER&program=NUMBER`.

function address(task, group = 0) {
  return `#task=${task}&program=${group}`;
}

class TaskDialog {
  constructor(overview, words) {
    Object.assign(this, { overview, words });
    this.dialog = document.getElementById("task");
    this.dialog.addEventListener("close", () => {
      history.replaceState(null, "", "#");
      this.dialog.replaceChildren();
    });
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close();
    });
    window.addEventListener("hashchange", () => this.follow());
  }

  // Show what the page's address names.
  async follow() {
    const { hash } = location;
    const wanted = new URLSearchParams(hash.slice(1));
    const number = Number(wanted.get("task") ?? "none");
    if (!(number in this.overview.tasks)) {
      if (this.dialog.open) this.dialog.close();
      return;
    }
    const block = await unpack(`block-${number}`);
    // A reader who has gone on in the meantime sees what came last.
    if (location.hash === hash) this.#show(number, Number(wanted.get("program") ?? 0), block);
  }

  #show(number, chosen, block) {
    const task = this.overview.tasks[number];
    const group = block.groups[chosen];
    const about = element("div", { class: "about" }, element("h3", {}, "Task"), textView(task.prompt, "What the data set says"));
    if (block.note) about.append(element("p", { class: "note" }, block.note));
    if (block.reference) {
      about.append(element("details", {}, element("summary", {}, "Reference"), sourceView(block.reference, "Reference")));
    }
    about.append(element("h3", {}, "Programs"), this.#programs(number, chosen, block));
    const program = element("div", { class: "chosen" }, element("h3", { id: "program-title", tabindex: "-1" }, this.#title(chosen, block)));
    program.append(group ? programView(group, block, this.words) : element("p", {}, "This task has no samples."));
    const head = element(
      "div",
      { class: "head" },
      element("h2", { id: "task-title" }, task.id),
      this.#step("Previous task", number - 1),
      this.#step("Next task", number + 1),
      this.#closing(),
    );
    const again = this.dialog.open && this.number === number;
    this.number = number;
    this.dialog.replaceChildren(head, element("div", { class: "columns" }, about, program));
    if (!this.dialog.open) this.dialog.showModal();
    // From one program to the next the reader stays at the list, or on a narrow screen goes to what was chosen.
    if (again) document.getElementById("program-title").focus({ preventScroll: matchMedia("(min-width: 900px)").matches });
  }

  #title(chosen, block) {
    if (block.groups.length === 0) return "No program";
    return block.groups[chosen]?.source === null ? "Without a program" : `Program ${chosen + 1} of ${block.groups.length}`;
  }

  #programs(number, chosen, block) {
    const items = block.groups.map((group, place) => {
      const name = group.source === null ? "no program" : `program ${place + 1}`;
      const link = element(
        "a",
        { href: address(number, place), "aria-current": place === chosen ? "true" : null },
        element("span", {}, name),
        element("span", {}, count(group.samples.length, "sample", "samples")),
        badge(group.state),
      );
      return element("li", {}, link);
    });
    return element("ul", { class: "programs" }, ...items);
  }

  #step(title, number) {
    if (!(number in this.overview.tasks)) return null;
    return element("a", { class: "button", href: address(number) }, title);
  }

  #closing() {
    const button = element("button", { type: "button", class: "close" }, "Close");
    button.addEventListener("click", () => this.dialog.close());
    return button;
  }
}
