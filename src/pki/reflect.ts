/**
 * Loads the metadata polyfill that `@peculiar/x509` needs before itself. It stands in a module of its own because
 * Bun's bundler runs the CommonJS imports of a module after its ESM ones: imported side by side with
 * `@peculiar/x509`, the polyfill would come too late in the built executable, although not from source.
 */
import "reflect-metadata";
