"use strict";
/* Everything can be read without this script; it adds sorting and searching, and the code toggle of old browsers. */
(() => {
  const toggle = document.getElementById("show-code");
  if (toggle) {
    const show = () => document.body.classList.toggle("with-code", toggle.checked);
    toggle.addEventListener("change", show);
    show();
  }

  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  const number = (text) => {
    const value = parseFloat(text.replace(/[\s\u00a0\u202f]/g, "").replace("\u2212", "-"));
    return Number.isNaN(value) ? null : value;
  };

  const sortable = (table) => {
    const body = table.tBodies[0];
    const heads = [...table.tHead.rows[0].cells];
    if (body.rows.length < 3) return;
    heads.forEach((head, column) => {
      if ("fixed" in head.dataset || !head.textContent.trim()) return;
      const button = document.createElement("button");
      button.type = "button";
      /* Over the text, not around it: Chromium leaves the text of buttons out of the headers it repeats in print. */
      button.setAttribute("aria-label", `Sort by ${head.textContent.replace(/\s+/g, " ").trim()}`);
      head.append(button);
      button.addEventListener("click", () => {
        const numeric = head.classList.contains("n");
        const before = head.getAttribute("aria-sort");
        const up = before ? before !== "ascending" : !numeric;
        const rows = [...body.rows].map((row) => {
          const text = row.cells[column].textContent.trim();
          return { row, key: numeric ? number(text) : text === "\u2013" ? null : text };
        });
        const sign = up ? 1 : -1;
        rows.sort((a, b) => {
          if (a.key === null || b.key === null) return (a.key === null) - (b.key === null);
          return sign * (numeric ? a.key - b.key : collator.compare(a.key, b.key));
        });
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        body.append(...rows.map((item) => item.row));
      });
    });
  };

  const searchable = (table) => {
    const rows = [...table.tBodies[0].rows];
    if (rows.length <= 20) return;
    const label = document.createElement("label");
    label.className = "search";
    const input = document.createElement("input");
    input.type = "search";
    const count = document.createElement("span");
    count.setAttribute("role", "status");
    label.append("Search ", input, count);
    (table.closest(".bnb-scroll") || table).before(label);
    const texts = rows.map((row) => row.textContent.toLocaleLowerCase());
    input.addEventListener("input", () => {
      const words = input.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
      let found = 0;
      rows.forEach((row, i) => {
        row.hidden = !words.every((word) => texts[i].includes(word));
        found += !row.hidden;
      });
      count.textContent = words.length ? `${found} of ${rows.length} ${table.dataset.noun || "rows"}` : "";
    });
  };

  const reachable = () => {
    /* What scrolls can be scrolled with the keyboard, and only that takes a stop of the tab key. */
    document.querySelectorAll(".bnb-fig > div").forEach((box) => {
      const scrolls = box.scrollWidth > box.clientWidth;
      box.toggleAttribute("tabindex", scrolls);
      if (scrolls) {
        box.tabIndex = 0;
        box.setAttribute("role", "group");
        box.setAttribute("aria-label", "Picture, scrolls sideways");
      }
    });
  };
  reachable();
  window.addEventListener("resize", reachable);

  document.querySelectorAll(".bnb-tab table").forEach((table) => {
    if (!table.tHead || !table.tBodies.length) return;
    searchable(table);
    sortable(table);
  });
})();
