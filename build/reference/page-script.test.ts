/** The page's script in a document of a few objects: what the keys do. */
import { expect, test } from "bun:test";
import { start } from "./page-script.mjs";

class Item {
  readonly classes = new Set<string>();
  clicks = 0;
  readonly firstChild: { getAttribute: () => string; click: () => void };
  readonly classList = {
    add: (name: string) => void this.classes.add(name),
    remove: (name: string) => void this.classes.delete(name),
  };

  constructor(readonly id: string) {
    this.firstChild = {
      getAttribute: () => `#${id}`,
      click: () => {
        this.clicks += 1;
      },
    };
  }

  scrollIntoView(): void {
    this.classes.add("seen");
  }
}

function page(texts: Readonly<Record<string, string>>) {
  const items = Object.keys(texts).map((id) => new Item(id));
  const listeners = new Map<string, (event: object) => void>();
  const document = {
    activeElement: undefined as unknown,
    querySelector: (selector: string) =>
      ({ input, "nav ul": list, output })[selector as "input" | "nav ul" | "output"],
    getElementById: (id: string) => ({ textContent: texts[id] }),
    addEventListener: (name: string, listener: (event: object) => void) =>
      listeners.set(name, listener),
  };
  const list = {
    children: [...items],
    replaceChildren: (...next: Item[]) => {
      list.children = next;
    },
    querySelector: () => list.children.find(({ classes }) => classes.has("chosen")),
  };
  const output = { textContent: "" };
  const input = {
    value: "",
    addEventListener: (name: string, listener: (event: object) => void) =>
      listeners.set(name, listener),
    focus: () => {
      document.activeElement = input;
    },
    blur: () => {
      document.activeElement = undefined;
    },
    select: () => undefined,
  };
  start(document);
  const press = (key: string): boolean => {
    let isTaken = false;
    listeners.get("keydown")?.({
      key,
      preventDefault: () => {
        isTaken = true;
      },
    });
    return isTaken;
  };
  const type = (text: string) => {
    input.value = text;
    listeners.get("input")?.({});
  };
  return { items, list, output, input, document, press, type };
}

test("a slash goes to the search, typing narrows the list, arrows choose and Enter goes there", () => {
  const it = page({ "a.Cell": "a group", "a.Free": "ends a cell", "a.List": "all" });
  expect(it.press("ArrowDown")).toBe(false);
  expect(it.press("/")).toBe(true);
  expect(it.document.activeElement).toBe(it.input);
  // In the search, it is a letter.
  expect(it.press("/")).toBe(false);
  it.type("cell");
  expect(it.list.children.map(({ id }) => id)).toEqual(["a.Cell", "a.Free"]);
  expect(it.output.textContent).toBe("2 found");
  expect(it.list.querySelector()?.id).toBe("a.Cell");
  it.press("ArrowDown");
  it.press("ArrowDown");
  expect(it.list.querySelector()?.id).toBe("a.Free");
  expect(it.items[1]?.classes).toContain("seen");
  it.press("Enter");
  expect(it.items.map(({ clicks }) => clicks)).toEqual([0, 1, 0]);
  expect(it.document.activeElement).toBeUndefined();
});

test("Escape shows everything again, and Enter without a choice does nothing", () => {
  const it = page({ "a.Cell": "a group", "a.List": "all" });
  it.press("/");
  it.type("nothing of that");
  expect(it.list.children).toEqual([]);
  expect(it.output.textContent).toBe("0 found");
  it.press("Enter");
  it.press("/");
  it.press("Escape");
  expect(it.list.children).toHaveLength(2);
  expect(it.output.textContent).toBe("");
  expect(it.items.map(({ clicks }) => clicks)).toEqual([0, 0]);
});
