/** A client of CellService whose service is the real one, rules of the protos included, on a kernel in memory. */
import { type Client, createClient, createRouterTransport } from "@connectrpc/connect";
import { CellService } from "../../src/gen/aurae/cells/v0/cells_pb.ts";
import { createCellService } from "../../src/service/cells/handler.ts";
import { INTERCEPTORS } from "../../src/service/routes.ts";
import { CellsFixture } from "./cells-fixture.ts";

export type CellClient = Client<typeof CellService>;

export function cellsInMemory(): { readonly fixture: CellsFixture; readonly client: CellClient } {
  const fixture = new CellsFixture();
  const transport = createRouterTransport(
    ({ service }) => {
      service(CellService, createCellService(fixture.cells, { uid: 0, gid: 0 }));
    },
    { router: { interceptors: [...INTERCEPTORS] } },
  );
  return { fixture, client: createClient(CellService, transport) };
}

/** Calls of a client that change something, told by name; any of them may be made to fail. */
export class Meddler {
  readonly client: CellClient;
  readonly calls: string[] = [];
  /** Fails the call of this number, from 0; undefined: none. */
  failAt: number | undefined;

  constructor(client: CellClient) {
    this.client = new Proxy(client, {
      get: (target, key: string) => {
        const method: unknown = Reflect.get(target, key);
        if (typeof method !== "function" || key === "inspect") {
          return method;
        }
        return async (request: object, ...rest: unknown[]): Promise<unknown> => {
          const at = this.calls.length;
          this.calls.push(`${key} ${namesIn(request)}`);
          if (at === this.failAt) {
            throw new Error(`call ${at} fails, as the test wants it`);
          }
          return (await method.call(target, request, ...rest)) as unknown;
        };
      },
    });
  }
}

/** Whom a request is about: `web`, `web: server`. */
function namesIn(request: object): string {
  const { cellName, cell, executable, executableName } = request as {
    readonly cellName?: string;
    readonly cell?: { readonly name: string };
    readonly executable?: { readonly name: string };
    readonly executableName?: string;
  };
  const name = executable?.name ?? executableName;
  const where = cellName ?? cell?.name ?? "(no cell)";
  return name === undefined ? where : `${where}: ${name}`;
}
