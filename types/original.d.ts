/** The modules that scripts for Aurae import by path, and the global of the first ones. */
import * as runtimeModule from "./library/original/runtime.js";

declare global {
  export import runtime = runtimeModule;
}
