import { expect, test } from "bun:test";
import { parseJunit } from "./junit.ts";

const REPORT = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bun test" tests="4" assertions="1" failures="2" skipped="1" time="0.05">
  <testsuite name="a.test.ts" file="a.test.ts" tests="4">
    <testcase name="takes &lt;&amp;&gt; &quot;q&quot; &#10; /&gt;" classname="" time="0" file="a.test.ts" />
    <testsuite name="group" file="a.test.ts">
      <testcase name="fails" classname="group &amp; co" time="0.1">
        <failure type="AssertionError" message="expected 2&#10;received 1">AssertionError: …</failure>
      </testcase>
      <testcase name="skipped" classname="group" time="0">
        <skipped message="no kvm" />
      </testcase>
    </testsuite>
    <testcase name="slow" classname="" time="0.05">
      <failure type="TimeoutError" message="test timed out" />
    </testcase>
  </testsuite>
</testsuites>`;

test("parseJunit finds every test of a report, in groups and outside, with its outcome", () => {
  expect(parseJunit(REPORT)).toEqual([
    { name: 'takes <&> "q" \n />', outcome: "passed", message: "" },
    { name: "group & co > fails", outcome: "failed", message: "expected 2\nreceived 1" },
    { name: "group > skipped", outcome: "skipped", message: "no kvm" },
    { name: "slow", outcome: "failed", message: "test timed out" },
  ]);
});

test("parseJunit answers with nothing for a report that was cut off before its first test", () => {
  expect(parseJunit(REPORT.slice(0, 150))).toEqual([]);
  expect(parseJunit("")).toEqual([]);
});
