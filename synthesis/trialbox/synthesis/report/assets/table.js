// A table of any number of rows, a page of them at a time, sorted by a click on a column's head.

class DataTable {
  // Columns have a title, `value` of a row to sort by, and `cell`, which makes what is shown of a row, `value` if left out;
  // `number` aligns to the right and sorts from the highest, `extra` is left out on narrow screens.
  // `link` gives the address that a row opens, or there is none.
  constructor({ caption, columns, rows, noun, link = null, pageSize = 50 }) {
    Object.assign(this, { columns, rows, noun, link, pageSize });
    this.kept = rows;
    this.page = 0;
    this.sorted = null;
    this.descending = false;
    this.heads = columns.map((column, number) => this.#head(column, number));
    this.body = element("tbody", {});
    this.status = element("p", { class: "status", role: "status" });
    this.pages = element("nav", { class: "pages", "aria-label": `Pages of ${caption}` });
    this.previous = this.#button("Previous", -1);
    this.next = this.#button("Next", 1);
    this.pages.append(this.previous, this.next);
    const table = element("table", {}, element("caption", {}, caption));
    table.append(element("thead", {}, element("tr", {}, ...this.heads)), this.body);
    const scroller = element("div", { class: "scroller", role: "region", "aria-label": caption, tabindex: "0" }, table);
    this.root = element("div", { class: "table" }, element("div", { class: "foot" }, this.status, this.pages), scroller);
    this.#show();
  }

  keep(wanted) {
    this.kept = this.rows.filter(wanted);
    this.#sort();
  }

  #head(column, number) {
    const button = element("button", { type: "button" }, column.title);
    button.addEventListener("click", () => this.#sortBy(number));
    return element("th", { scope: "col", class: this.#classes(column), "aria-sort": "none" }, button);
  }

  #button(title, step) {
    const button = element("button", { type: "button" }, title);
    button.addEventListener("click", () => {
      this.page += step;
      this.#show();
    });
    return button;
  }

  #sortBy(number) {
    this.descending = this.sorted === number ? !this.descending : Boolean(this.columns[number].number);
    this.sorted = number;
    this.heads.forEach((head, place) => {
      const order = this.descending ? "descending" : "ascending";
      head.setAttribute("aria-sort", place === number ? order : "none");
    });
    this.#sort();
  }

  #sort() {
    if (this.sorted !== null) {
      const { value } = this.columns[this.sorted];
      const sign = this.descending ? -1 : 1;
      const keyed = this.kept.map((row) => [value(row), row]);
      // What has no value comes last either way.
      keyed.sort(([a], [b]) => (a === null) - (b === null) || (a < b ? -sign : a > b ? sign : 0));
      this.kept = keyed.map(([, row]) => row);
    }
    this.page = 0;
    this.#show();
  }

  #show() {
    const from = this.page * this.pageSize;
    const rows = this.kept.slice(from, from + this.pageSize);
    this.body.replaceChildren(...rows.map((row) => this.#row(row)));
    const total = this.kept.length;
    this.status.textContent = total
      ? `${(from + 1).toLocaleString("en")} to ${(from + rows.length).toLocaleString("en")} of ${count(total, ...this.noun)}`
      : `No ${this.noun[1]}`;
    this.previous.disabled = this.page === 0;
    this.next.disabled = from + rows.length >= total;
    this.pages.hidden = total <= this.pageSize;
  }

  #row(row) {
    const made = element("tr", {});
    this.columns.forEach((column, place) => {
      const value = column.cell ? column.cell(row) : column.value(row);
      const first = place === 0;
      const content = first && this.link ? element("a", { href: this.link(row) }, value) : value;
      made.append(element(first ? "th" : "td", { class: this.#classes(column), scope: first ? "row" : null }, content));
    });
    if (this.link) {
      made.classList.add("opens");
      made.addEventListener("click", (event) => {
        // A click that ends a selection of text is none.
        if (!event.target.closest("a") && getSelection().isCollapsed) location.hash = this.link(row);
      });
    }
    return made;
  }

  #classes(column) {
    return [column.number && "number", column.extra && "extra", column.wide && "wide"].filter(Boolean).join(" ") || null;
  }
}
