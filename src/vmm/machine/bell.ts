/** Wakes another thread, which then looks for what it is about: an eventfd that the thread polls. */

export interface Bell {
  signal(): void;
}
