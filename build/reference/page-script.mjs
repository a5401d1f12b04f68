/**
 * What the one-page reference does in a browser: the list at its side is what a search finds. Embedded as it is, so it
 * imports nothing; `rank` is tested on its own.
 */

/**
 * Which entries have all words of a query, the best first: those with the words in their names before those that only
 * speak of them.
 *
 * @param {readonly { name: string, text: string }[]} entries names and texts in lower case
 * @param {string} query
 * @returns {number[]} positions
 */
export function rank(entries, query) {
  const words = query
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  const scoreOf = ({ name, text }, word) => {
    const last = name.slice(name.lastIndexOf(".") + 1);
    return last === word
      ? 4
      : last.startsWith(word)
        ? 3
        : name.includes(word)
          ? 2
          : text.includes(word)
            ? 1
            : 0;
  };
  return entries
    .map((entry, at) => {
      const scores = words.map((word) => scoreOf(entry, word));
      return { at, score: scores.includes(0) ? 0 : scores.reduce((sum, score) => sum + score, 1) };
    })
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score || a.at - b.at)
    .map(({ at }) => at);
}

export function start(document) {
  const input = document.querySelector("input");
  const list = document.querySelector("nav ul");
  const found = document.querySelector("output");
  const items = [...list.children];
  const entries = items.map((item) => {
    const id = item.firstChild.getAttribute("href").slice(1);
    return { name: id.toLowerCase(), text: document.getElementById(id).textContent.toLowerCase() };
  });
  let chosen = -1;
  const choose = (at) => {
    list.querySelector(".chosen")?.classList.remove("chosen");
    chosen = Math.max(-1, Math.min(at, list.children.length - 1));
    const item = list.children[chosen];
    item?.classList.add("chosen");
    item?.scrollIntoView({ block: "nearest" });
  };
  const search = () => {
    const order = rank(entries, input.value);
    list.replaceChildren(...order.map((at) => items[at]));
    found.textContent = order.length === items.length ? "" : `${order.length} found`;
    choose(input.value.trim() === "" ? -1 : 0);
  };
  input.addEventListener("input", search);
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== input) {
      event.preventDefault();
      input.focus();
      input.select();
    } else if (document.activeElement !== input) {
      return;
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      choose(chosen + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter") {
      list.children[chosen]?.firstChild.click();
      input.blur();
    } else if (event.key === "Escape") {
      input.value = "";
      search();
      input.blur();
    }
  });
}
