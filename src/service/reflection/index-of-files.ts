/**
 * What reflection can be asked for: the files of the registered services with all that they import, and where every
 * symbol and extension stands. Built at the first question; a daemon that nobody asks pays nothing.
 */
import { type DescFile, type DescMessage, type DescService, toBinary } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";

export class FileIndex {
  readonly #services: readonly DescService[];
  readonly #files = new Map<string, DescFile>();
  readonly #bySymbol = new Map<string, DescFile>();
  /** By the full name of the extended message, then by number. */
  readonly #extensions = new Map<string, Map<number, DescFile>>();
  readonly #encoded = new Map<DescFile, Uint8Array>();

  constructor(services: readonly DescService[]) {
    this.#services = services;
    for (const service of services) {
      this.#addFile(service.file);
    }
  }

  get serviceNames(): string[] {
    return this.#services.map((service) => service.typeName).sort();
  }

  file(name: string): DescFile | undefined {
    return this.#files.get(name);
  }

  /** @param name full name of a service, method, message, field, oneof, enum, enum value or extension */
  fileOfSymbol(name: string): DescFile | undefined {
    return this.#bySymbol.get(name);
  }

  fileOfExtension(extended: string, number: number): DescFile | undefined {
    return this.#extensions.get(extended)?.get(number);
  }

  /** The numbers of all extensions of a message, or undefined for a message that is not known. */
  extensionNumbers(extended: string): number[] | undefined {
    const numbers = this.#extensions.get(extended);
    if (numbers !== undefined) {
      return [...numbers.keys()].sort((a, b) => a - b);
    }
    return this.#bySymbol.has(extended) ? [] : undefined;
  }

  /** The encoded google.protobuf.FileDescriptorProto. */
  encoded(file: DescFile): Uint8Array {
    let bytes = this.#encoded.get(file);
    if (bytes === undefined) {
      bytes = toBinary(FileDescriptorProtoSchema, file.proto);
      this.#encoded.set(file, bytes);
    }
    return bytes;
  }

  #addFile(file: DescFile): void {
    if (this.#files.has(file.proto.name)) {
      return;
    }
    this.#files.set(file.proto.name, file);
    for (const dependency of file.dependencies) {
      this.#addFile(dependency);
    }
    for (const type of nestedTypes(file)) {
      this.#bySymbol.set(type.typeName, file);
      switch (type.kind) {
        case "message":
          this.#addMembers(type, file);
          break;
        case "enum": {
          // Values stand beside their enum, not in it (the language guide, "Enumerations").
          const scope = type.typeName.slice(0, type.typeName.lastIndexOf(".") + 1);
          for (const value of type.values) {
            this.#bySymbol.set(scope + value.name, file);
          }
          break;
        }
        case "service":
          for (const method of type.methods) {
            this.#bySymbol.set(`${type.typeName}.${method.name}`, file);
          }
          break;
        case "extension": {
          const extended = type.extendee.typeName;
          const numbers = this.#extensions.get(extended) ?? new Map<number, DescFile>();
          this.#extensions.set(extended, numbers.set(type.number, file));
          break;
        }
      }
    }
  }

  #addMembers(message: DescMessage, file: DescFile): void {
    for (const member of [...message.fields, ...message.oneofs]) {
      this.#bySymbol.set(`${message.typeName}.${member.name}`, file);
    }
  }
}
