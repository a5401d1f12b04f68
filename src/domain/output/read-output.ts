/** Reads one or both streams of a history: finds where to begin, then goes forward in order of time. */
import { nextTurn } from "../../base/next-turn.ts";
import type { StreamName } from "./layout.ts";
import { LineStarts } from "./line-starts.ts";
import type { OutputChunk, ReadOptions } from "./sources.ts";
import { type Head, StreamCursor } from "./stream-cursor.ts";
import { SegmentTimes, type StreamView } from "./stream-view.ts";

/** A part of a stream, by absolute offsets. */
export interface Range {
  readonly from: number;
  /** Undefined: to the end. */
  readonly to?: number | undefined;
}

export interface HistoryView {
  readonly views: Readonly<Record<StreamName, StreamView>>;
  /** Hands out what was gathered for followers. */
  flushLive(): void;
  /** Keeps the newest output in memory until it is disposed of. */
  follow(streams: readonly StreamName[]): Disposable;
  /** Resolves when something came, ended, or the signal aborted. */
  changed(signal: AbortSignal): Promise<void>;
}

/** The largest chunk for lines. */
const LINES_BYTES = 4 * 1024;

function firstSince(view: StreamView, sinceMs: number): number | undefined {
  for (const segment of view.segments) {
    const first = new SegmentTimes(view, segment).firstSince(sinceMs);
    if (first !== undefined) {
      return first;
    }
  }
  return undefined;
}

/**
 * The first byte of what is wanted of a stream. What is gone counts as wanted where it may have been: there is no telling
 * any more when it came.
 */
function beginOf(view: StreamView, from: number, end: number, sinceMs: number | undefined): number {
  if (sinceMs === undefined) {
    return from;
  }
  const first = firstSince(view, sinceMs) ?? end;
  const oldest = view.segments[0]?.start ?? end;
  return first <= oldest ? from : Math.max(from, first);
}

interface Place {
  readonly view: StreamView;
  begin: number;
  readonly end: number;
}

interface Search {
  readonly place: Place;
  readonly starts: LineStarts;
  /** The last line that is not taken yet. */
  next: { readonly offset: number; readonly timeMs: number } | undefined;
}

async function goBack(search: Search, needsTime: boolean): Promise<void> {
  const offset = await search.starts.next(nextTurn);
  const timeMs = offset === undefined || !needsTime ? 0 : search.starts.timeAt(offset);
  search.next = offset === undefined ? undefined : { offset, timeMs };
}

/** Moves the beginnings to where the last lines of all streams together begin. */
async function cutToTail(
  places: readonly Place[],
  tail: number,
  signal: AbortSignal,
): Promise<void> {
  const needsTime = places.length > 1;
  const searches = places.map((place): Search => {
    const starts = new LineStarts(place.view, place.begin, place.end);
    return { place, starts, next: undefined };
  });
  for (const search of searches) {
    search.place.begin = search.place.end;
    await goBack(search, needsTime);
  }
  for (let count = 0; count < tail && !signal.aborted; count++) {
    let best: Search | undefined;
    for (const search of searches) {
      // Of the same time, standard error's comes last: going forward, standard output's is first.
      if (search.next !== undefined && search.next.timeMs >= (best?.next?.timeMs ?? 0)) {
        best = search;
      }
    }
    if (best?.next === undefined) {
      return;
    }
    best.place.begin = best.next.offset;
    await goBack(best, needsTime);
  }
}

/** Which of two comes first. What is live is ordered by itself; the clock may have been set. */
function isBefore(a: Head, b: Head): boolean {
  return a.order !== undefined && b.order !== undefined ? a.order < b.order : a.timeMs <= b.timeMs;
}

function takeNext(cursors: readonly StreamCursor[], forLines: boolean): OutputChunk | undefined {
  let best: { cursor: StreamCursor; head: Head } | undefined;
  let otherMs = Number.POSITIVE_INFINITY;
  for (const cursor of cursors) {
    const head = cursor.peek();
    if (head === undefined) {
      continue;
    }
    if (best === undefined) {
      best = { cursor, head };
    } else if (isBefore(best.head, head)) {
      otherMs = head.timeMs;
    } else {
      otherMs = best.head.timeMs;
      best = { cursor, head };
    }
  }
  if (best === undefined) {
    return undefined;
  }
  const second = Math.floor(best.head.timeMs / 1000) * 1000 + 999;
  return forLines
    ? best.cursor.take(Math.min(second, otherMs), LINES_BYTES)
    : best.cursor.take(otherMs);
}

async function cursorsOf(
  history: HistoryView,
  ranges: Readonly<Record<StreamName, Range>>,
  options: ReadOptions,
): Promise<StreamCursor[]> {
  const places = options.streams.map((stream) => {
    const view = history.views[stream];
    const { from, to } = ranges[stream];
    const end = Math.min(to ?? view.end, view.end);
    return { stream, view, begin: beginOf(view, from, end, options.sinceMs), end };
  });
  if (options.tail !== undefined) {
    await cutToTail(places, options.tail, options.signal);
  }
  return places.map(({ stream, view, begin, end }) => {
    const limit = options.follow ? (ranges[stream].to ?? Number.POSITIVE_INFINITY) : end;
    return new StreamCursor(view, begin, limit);
  });
}

export async function* readOutput(
  history: HistoryView,
  ranges: Readonly<Record<StreamName, Range>>,
  options: ReadOptions,
): AsyncGenerator<OutputChunk> {
  const { signal } = options;
  using _ = options.follow ? history.follow(options.streams) : undefined;
  history.flushLive();
  const cursors = await cursorsOf(history, ranges, options);
  let reads = 0;
  while (!signal.aborted) {
    const chunk = takeNext(cursors, options.forLines === true);
    if (chunk !== undefined) {
      yield chunk;
      const now = cursors.reduce((sum, cursor) => sum + cursor.reads, 0);
      if (now !== reads || options.forLines === true) {
        reads = now;
        await nextTurn();
      }
    } else if (!options.follow || cursors.every((cursor) => cursor.isAtEnd)) {
      break;
    } else {
      await history.changed(signal);
    }
  }
  if (!signal.aborted) {
    yield* cursors.map((cursor) => cursor.takeMissed()).filter((chunk) => chunk !== undefined);
  }
}
