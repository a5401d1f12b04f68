/**
 * Who of a busy machine's processes has its turn first. The daemon and its launcher do little, but others wait for it: a
 * Stop has to get through to a machine that is busy with what is to be stopped. So both go before what they run, which
 * has the kernel's own priority: they give none of theirs to what they give birth to (sched(7), "SCHED_RESET_ON_FORK").
 */
import { SCHED_ATTR, SCHED_FLAG_RESET_ON_FORK, SCHED_OTHER } from "../abi/sched.ts";
import { syscallRaw } from "../sys/syscall.ts";

/** Of -20 to 19. Some ten times an ordinary process's share, where both want the same processor. */
const NICE = -10;

/**
 * Has a thread go before others, unless it was given a priority already, which stays; what it gives birth to has none of
 * either. Where the kernel refuses us (no CAP_SYS_NICE), all works, only later.
 * @param thread 0: the one that calls
 */
export function takePrecedence(thread = 0): void {
  const attr = SCHED_ATTR.make({});
  if (syscallRaw("sched_getattr", thread, attr, SCHED_ATTR.size, 0) < 0) {
    return;
  }
  const isOrdinary =
    SCHED_ATTR.read(attr, "sched_policy") === SCHED_OTHER &&
    SCHED_ATTR.read(attr, "sched_nice") === 0;
  SCHED_ATTR.write(attr, {
    sched_flags: SCHED_FLAG_RESET_ON_FORK,
    ...(isOrdinary ? { sched_nice: NICE } : {}),
  });
  syscallRaw("sched_setattr", thread, attr, 0);
}
