"use strict";
/* Everything can be read without this script; it adds sorting and searching, and the code toggle of old browsers. */
document.documentElement.classList.add("scripted"); /* for the style of long tables, before they are there */
document.addEventListener("DOMContentLoaded", () => {
  const toggle = document.getElementById("show-code");
  if (toggle) {
    const show = () => document.body.classList.toggle("with-code", toggle.checked);
    toggle.addEventListener("change", show);
    show();
  }

  /* A page that was taken out of its folder, as by mail, has nothing beside it that its links could lead to. */
  const place = document.documentElement.dataset.place;
  if (place && location.protocol === "file:" && !location.pathname.endsWith(`/${place}`)) {
    document.querySelector(".bar nav").remove();
    document.querySelectorAll("a[data-page]").forEach((link) => link.replaceWith(...link.childNodes));
  }

  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  const levels = [".bnb-problem", ".bnb-warn", ".bnb-neutral", ".bnb-good"]; /* the worst first */
  const grouped = (count) => String(count).replace(/\B(?=(\d{3})+$)/g, "\u202f");
  const number = (text) => {
    /* The first one of "\u00b1 2.1 %", "up to 330" or "330 to 5 620". */
    const found = text.replace(/\s/g, "").replace("\u2212", "-").match(/[-+]?\d+(\.\d+)?(e[-+]?\d+)?/);
    return found && parseFloat(found[0]);
  };

  /* As the package's own search: the case and the spelling of umlauts do not matter. */
  const umlauts = { "\u00e4": "ae", "\u00f6": "oe", "\u00fc": "ue", "\u00e5": "aa", "\u00f8": "oe", "\u00df": "ss" };
  const folded = (text) => {
    const plain = text.normalize("NFC").toLowerCase();
    if (/^[\x00-\x7f]*$/.test(plain)) return plain;
    const spelled = plain.replace(/[\u00e4\u00f6\u00fc\u00e5\u00f8\u00df]/g, (letter) => umlauts[letter]);
    return spelled.normalize("NFKD").replace(/\p{M}/gu, "");
  };

  const enhance = (table) => {
    /* Long tables show their first rows: laying out thousands takes seconds. Sorting and searching know them all. */
    const few = 200;
    const body = table.tBodies[0];
    const heads = [...table.tHead.rows[0].cells];
    const box = table.closest(".bnb-scroll") || table;
    const noun = table.dataset.noun || "rows";
    /* Sentences of a row stand in a row below it and go where it goes. */
    const below = new Map();
    let rows = [];
    for (const row of body.rows) {
      if (row.classList.contains("bnb-below")) below.set(rows.at(-1), row);
      else rows.push(row);
    }
    const whole = (row) => (below.has(row) ? [row, below.get(row)] : [row]);
    if (rows.length < 3) return;
    let all = rows.length <= 2 * few;
    let words = [];
    const texts = new Map();
    const textOf = (row) => {
      const said = () => whole(row).map((part) => part.textContent).join("");
      if (!texts.has(row)) texts.set(row, folded(said()));
      return texts.get(row);
    };
    const count = document.createElement("span");
    count.setAttribute("role", "status");
    const more = document.createElement("button");
    more.type = "button";
    more.className = "more";

    const apply = () => {
      let found = 0;
      let shown = 0;
      rows.forEach((row) => {
        const fits = words.every((word) => textOf(row).includes(word));
        found += fits;
        const visible = fits && (all || shown < few);
        shown += visible;
        if (row.hidden === visible) whole(row).forEach((part) => (part.hidden = !visible));
      });
      count.textContent = words.length ? `${grouped(found)} of ${grouped(rows.length)} ${noun}` : "";
      more.textContent = `Show all ${grouped(found)} ${noun}`;
      more.hidden = shown === found;
    };

    const sort = (head, column) => {
      const textIn = (row) => row.cells[column].dataset.sort ?? row.cells[column].textContent.trim();
      const counted = (row) => number(textIn(row)) !== null;
      const numeric = head.classList.contains("n") && rows.some(counted);
      const severity = (row) => levels.findIndex((level) => row.cells[column].querySelector(level));
      const judged = head.classList.contains("s") && !rows.every(counted);
      const before = head.getAttribute("aria-sort");
      const up = before ? before !== "ascending" : !numeric;
      const sign = up ? 1 : -1;
      const keyed = rows.map((row) => {
        const text = textIn(row);
        if (numeric) return { row, key: number(text) };
        return { row, key: ["", "\u2013"].includes(text) ? null : judged ? severity(row) : text };
      });
      keyed.sort((a, b) => {
        if (a.key === null || b.key === null) return (a.key === null) - (b.key === null);
        return sign * (numeric || judged ? a.key - b.key : collator.compare(a.key, b.key));
      });
      rows = keyed.map((item) => item.row);
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      apply();
      body.append(...rows.flatMap(whole));
    };

    heads.forEach((head, column) => {
      if ("fixed" in head.dataset || !head.textContent.trim()) return;
      const button = document.createElement("button");
      button.type = "button";
      /* Over the text, not around it: Chromium leaves the text of buttons out of the headers it repeats in print. */
      button.setAttribute("aria-label", `Sort by ${head.textContent.replace(/\s+/g, " ").trim()}`);
      head.append(button);
      button.addEventListener("click", () => sort(head, column));
    });

    if (rows.length > 20) {
      const label = document.createElement("label");
      label.className = "search";
      const input = document.createElement("input");
      input.type = "search";
      label.append("Search ", input, count);
      box.before(label);
      input.addEventListener("input", () => {
        words = folded(input.value).split(/\s+/).filter(Boolean);
        apply();
      });
    }
    box.after(more);
    more.addEventListener("click", () => {
      all = true;
      apply();
    });
    apply();
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
    if (table.tHead && table.tBodies.length) enhance(table);
    table.classList.add("ready");
  });
});
