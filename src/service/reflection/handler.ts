/**
 * gRPC server reflection, v1 and v1alpha: the two are the same but for their package, so one function answers both.
 * Within a stream no file is sent twice unless it is asked for by name.
 */
import type { DescFile, DescService } from "@bufbuild/protobuf";
import { Code, type ServiceImpl } from "@connectrpc/connect";
import type {
  ServerReflection,
  ServerReflectionRequest,
} from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import type {
  ServerReflection as ServerReflectionAlpha,
  ServerReflectionRequest as ServerReflectionRequestAlpha,
} from "../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { FileIndex } from "./index-of-files.ts";

/** Plain values, so that they fit the messages of both packages. */
type Answer =
  | { case: "listServicesResponse"; value: { service: { name: string }[] } }
  | { case: "fileDescriptorResponse"; value: { fileDescriptorProto: Uint8Array[] } }
  | {
      case: "allExtensionNumbersResponse";
      value: { baseTypeName: string; extensionNumber: number[] };
    }
  | { case: "errorResponse"; value: { errorCode: Code; errorMessage: string } };
type Question = (ServerReflectionRequest | ServerReflectionRequestAlpha)["messageRequest"];

function errorAnswer(errorCode: Code, errorMessage: string): Answer {
  return { case: "errorResponse", value: { errorCode, errorMessage } };
}

/** Answers the questions of one stream. */
class Conversation {
  readonly #index: FileIndex;
  readonly #sent = new Set<DescFile>();

  constructor(index: FileIndex) {
    this.#index = index;
  }

  answer(question: Question): Answer {
    switch (question.case) {
      case "listServices":
        return {
          case: "listServicesResponse",
          value: { service: this.#index.serviceNames.map((name) => ({ name })) },
        };
      case "fileByFilename":
        return this.#files(this.#index.file(question.value), `file "${question.value}"`);
      case "fileContainingSymbol":
        return this.#files(this.#index.fileOfSymbol(question.value), `symbol "${question.value}"`);
      case "fileContainingExtension": {
        const { containingType, extensionNumber } = question.value;
        return this.#files(
          this.#index.fileOfExtension(containingType, extensionNumber),
          `extension ${extensionNumber} of "${containingType}"`,
        );
      }
      case "allExtensionNumbersOfType": {
        const extensionNumber = this.#index.extensionNumbers(question.value);
        return extensionNumber === undefined
          ? errorAnswer(Code.NotFound, `message "${question.value}" is not known`)
          : {
              case: "allExtensionNumbersResponse",
              value: { baseTypeName: question.value, extensionNumber },
            };
      }
      default:
        return errorAnswer(Code.InvalidArgument, "the request asks nothing");
    }
  }

  #files(file: DescFile | undefined, asked: string): Answer {
    if (file === undefined) {
      return errorAnswer(Code.NotFound, `${asked} is not known`);
    }
    const files = new Set([file]);
    for (const known of files) {
      for (const dependency of known.dependencies) {
        if (!this.#sent.has(dependency)) {
          files.add(dependency);
        }
      }
    }
    const fileDescriptorProto = [...files].map((each) => {
      this.#sent.add(each);
      return this.#index.encoded(each);
    });
    return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
  }
}

/** @param services what is listed; called at the first question */
export function createReflectionHandlers(services: () => readonly DescService[]): {
  v1: ServiceImpl<typeof ServerReflection>;
  v1alpha: ServiceImpl<typeof ServerReflectionAlpha>;
} {
  let index: FileIndex | undefined;
  async function* answers<Request extends ServerReflectionRequest | ServerReflectionRequestAlpha>(
    requests: AsyncIterable<Request>,
  ) {
    index ??= new FileIndex(services());
    const conversation = new Conversation(index);
    for await (const originalRequest of requests) {
      yield {
        validHost: originalRequest.host,
        originalRequest,
        messageResponse: conversation.answer(originalRequest.messageRequest),
      };
    }
  }
  return {
    v1: { serverReflectionInfo: (requests) => answers(requests) },
    v1alpha: { serverReflectionInfo: (requests) => answers(requests) },
  };
}
