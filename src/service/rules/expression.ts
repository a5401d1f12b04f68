/**
 * The part of CEL that our protos use for strings, compiled to a function: `||`, `&&`, `!`, parentheses,
 * `this == 'x'`, `this in ['x', 'y']`, `this.matches('x')` and `this.contains('x')`. The real CEL costs the daemon
 * tens of megabytes and its first callers a tenth of a second; a test holds the two against each other.
 */

export type StringTest = (value: string) => boolean;

const TOKEN =
  /\s*(\|\||&&|==|!|\(|\)|\[|\]|,|'(?:[^'\\]|\\.)*'|this\.matches|this\.contains|this|in)/y;

/** The escapes of a CEL string literal that are of use here. */
function unquote(token: string): string {
  return token.slice(1, -1).replace(/\\(x[0-9a-fA-F]{2}|.)/g, (sequence, what: string) => {
    if (what.startsWith("x")) {
      return String.fromCharCode(Number.parseInt(what.slice(1), 16));
    }
    const plain: Readonly<Record<string, string>> = {
      "\\": "\\",
      "'": "'",
      n: "\n",
      t: "\t",
      r: "\r",
    };
    const character = plain[what];
    if (character === undefined) {
      throw new Error(`the escape ${sequence} is not supported`);
    }
    return character;
  });
}

function tokensOf(expression: string): string[] {
  const tokens: string[] = [];
  for (let at = 0; at < expression.trimEnd().length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(expression)?.[1];
    if (token === undefined) {
      throw new Error(`not understood: ${JSON.stringify(expression.slice(at))}`);
    }
    tokens.push(token);
  }
  return tokens;
}

class Parser {
  readonly #tokens: string[];
  #at = 0;

  constructor(expression: string) {
    this.#tokens = tokensOf(expression);
  }

  whole(): StringTest {
    const test = this.#either();
    if (this.#at !== this.#tokens.length) {
      throw new Error(`not expected: ${this.#tokens[this.#at]}`);
    }
    return test;
  }

  #either(): StringTest {
    let test = this.#both();
    while (this.#take("||")) {
      const left = test;
      const right = this.#both();
      test = (value) => left(value) || right(value);
    }
    return test;
  }

  #both(): StringTest {
    let test = this.#single();
    while (this.#take("&&")) {
      const left = test;
      const right = this.#single();
      test = (value) => left(value) && right(value);
    }
    return test;
  }

  #single(): StringTest {
    if (this.#take("!")) {
      const test = this.#single();
      return (value) => !test(value);
    }
    if (this.#take("(")) {
      const test = this.#either();
      this.#expect(")");
      return test;
    }
    if (this.#take("this.matches")) {
      const pattern = new RegExp(this.#argument(), "u");
      return (value) => pattern.test(value);
    }
    if (this.#take("this.contains")) {
      const part = this.#argument();
      return (value) => value.includes(part);
    }
    this.#expect("this");
    if (this.#take("==")) {
      const other = this.#literal();
      return (value) => value === other;
    }
    this.#expect("in");
    const others = new Set(this.#list());
    return (value) => others.has(value);
  }

  #argument(): string {
    this.#expect("(");
    const text = this.#literal();
    this.#expect(")");
    return text;
  }

  #list(): string[] {
    this.#expect("[");
    const items = [this.#literal()];
    while (this.#take(",")) {
      items.push(this.#literal());
    }
    this.#expect("]");
    return items;
  }

  #literal(): string {
    const token = this.#tokens[this.#at];
    if (!token?.startsWith("'")) {
      throw new Error(`a string expected, not ${token}`);
    }
    this.#at += 1;
    return unquote(token);
  }

  #take(token: string): boolean {
    const isNext = this.#tokens[this.#at] === token;
    this.#at += isNext ? 1 : 0;
    return isNext;
  }

  #expect(token: string): void {
    if (!this.#take(token)) {
      throw new Error(`${token} expected, not ${this.#tokens[this.#at]}`);
    }
  }
}

/** @throws {Error} for an expression with anything else in it */
export function compileExpression(expression: string): StringTest {
  return new Parser(expression).whole();
}
