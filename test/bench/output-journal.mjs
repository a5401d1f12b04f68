/**
 * Runs a command with its standard output going to a journald, as systemd does it for a service. Arguments: the socket, the
 * command. The protocol is that of sd_journal_stream_fd(3): seven lines, and then the output.
 */
import { spawn } from "node:child_process";
import { connect } from "node:net";

const [path, command, ...args] = process.argv.slice(2);
const socket = connect(path);
socket.once("connect", () => {
  socket.write("aurae-bench\n\n6\n0\n0\n0\n0\n", () => {
    const child = spawn(command, args, { stdio: ["ignore", socket, "inherit"] });
    child.once("exit", (code) => process.exit(code ?? 1));
  });
});
