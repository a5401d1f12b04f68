/**
 * The namespace `reflection` of the library: the package grpc.reflection.v1. Generated from proto/ by
 * `bun build.ts gen`; do not edit.
 */
import {
  ErrorResponseSchema,
  ExtensionNumberResponseSchema,
  ExtensionRequestSchema,
  FileDescriptorResponseSchema,
  ListServiceResponseSchema,
  ServerReflection as ServerReflectionDesc,
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
  ServiceResponseSchema,
} from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import { messageType } from "../message/message-type.ts";
import type { DeepPartial, MessageType } from "../message/types.ts";
import { type CallOptions, ServiceClient } from "../service-client.ts";
import { callBidiStream } from "../calls.ts";

/** ServerReflection describes the services of this server. */
export class ServerReflectionClient extends ServiceClient {
  static override readonly name: string = "ServerReflectionClient";

  /**
   * ServerReflectionInfo answers each question of a stream in turn.
   *
   * Errors: none of its own. A question that can't be answered is answered by an `error_response`.
   */
  serverReflectionInfo(
    requests: AsyncIterable<DeepPartial<ServerReflectionRequest>>,
    options: CallOptions = {},
  ): AsyncIterable<ServerReflectionResponse> {
    return callBidiStream(this, ServerReflectionDesc.method.serverReflectionInfo, requests, options);
  }
}

/** One question. */
export interface ServerReflectionRequest {
  /** Echoed in the answer; not used otherwise. */
  host: string;
  /**
   * The file of this name.
   *
   * At most one of fileByFilename, fileContainingSymbol, fileContainingExtension, allExtensionNumbersOfType, listServices.
   */
  fileByFilename?: string | undefined;
  /**
   * The file that declares this message, enum, service, method, field or extension, by full name.
   *
   * At most one of fileByFilename, fileContainingSymbol, fileContainingExtension, allExtensionNumbersOfType, listServices.
   */
  fileContainingSymbol?: string | undefined;
  /**
   * The file that declares this extension.
   *
   * At most one of fileByFilename, fileContainingSymbol, fileContainingExtension, allExtensionNumbersOfType, listServices.
   */
  fileContainingExtension?: ExtensionRequest | undefined;
  /**
   * The field numbers of all extensions of this message, by full name.
   *
   * At most one of fileByFilename, fileContainingSymbol, fileContainingExtension, allExtensionNumbersOfType, listServices.
   */
  allExtensionNumbersOfType?: string | undefined;
  /**
   * The names of all services. The value is not used.
   *
   * At most one of fileByFilename, fileContainingSymbol, fileContainingExtension, allExtensionNumbersOfType, listServices.
   */
  listServices?: string | undefined;
}

/** One question. */
export const ServerReflectionRequest: MessageType<ServerReflectionRequest> = /* @__PURE__ */ messageType(ServerReflectionRequestSchema);

/** Names an extension. */
export interface ExtensionRequest {
  /** The extended message, by full name. */
  containingType: string;
  /** The extension's field number. */
  extensionNumber: number;
}

/** Names an extension. */
export const ExtensionRequest: MessageType<ExtensionRequest> = /* @__PURE__ */ messageType(ExtensionRequestSchema);

/** One answer. */
export interface ServerReflectionResponse {
  /** The host of the question. */
  validHost: string;
  /** The question. */
  originalRequest?: ServerReflectionRequest | undefined;
  /**
   * To every question for a file: that file and those it imports.
   *
   * At most one of fileDescriptorResponse, allExtensionNumbersResponse, listServicesResponse, errorResponse.
   */
  fileDescriptorResponse?: FileDescriptorResponse | undefined;
  /**
   * To all_extension_numbers_of_type.
   *
   * At most one of fileDescriptorResponse, allExtensionNumbersResponse, listServicesResponse, errorResponse.
   */
  allExtensionNumbersResponse?: ExtensionNumberResponse | undefined;
  /**
   * To list_services.
   *
   * At most one of fileDescriptorResponse, allExtensionNumbersResponse, listServicesResponse, errorResponse.
   */
  listServicesResponse?: ListServiceResponse | undefined;
  /**
   * To a question that can't be answered.
   *
   * At most one of fileDescriptorResponse, allExtensionNumbersResponse, listServicesResponse, errorResponse.
   */
  errorResponse?: ErrorResponse | undefined;
}

/** One answer. */
export const ServerReflectionResponse: MessageType<ServerReflectionResponse> = /* @__PURE__ */ messageType(ServerReflectionResponseSchema);

/** Files. */
export interface FileDescriptorResponse {
  /** Each a serialized google.protobuf.FileDescriptorProto. */
  fileDescriptorProto: Uint8Array[];
}

/** Files. */
export const FileDescriptorResponse: MessageType<FileDescriptorResponse> = /* @__PURE__ */ messageType(FileDescriptorResponseSchema);

/** Extensions of a message. */
export interface ExtensionNumberResponse {
  /** The message, by full name. */
  baseTypeName: string;
  /** The field numbers. */
  extensionNumber: number[];
}

/** Extensions of a message. */
export const ExtensionNumberResponse: MessageType<ExtensionNumberResponse> = /* @__PURE__ */ messageType(ExtensionNumberResponseSchema);

/** Services. */
export interface ListServiceResponse {
  /** Each service. */
  service: ServiceResponse[];
}

/** Services. */
export const ListServiceResponse: MessageType<ListServiceResponse> = /* @__PURE__ */ messageType(ListServiceResponseSchema);

/** A service. */
export interface ServiceResponse {
  /** Its full name. */
  name: string;
}

/** A service. */
export const ServiceResponse: MessageType<ServiceResponse> = /* @__PURE__ */ messageType(ServiceResponseSchema);

/** Why a question can't be answered. */
export interface ErrorResponse {
  /** A gRPC status code. */
  errorCode: number;
  /** The reason in words. */
  errorMessage: string;
}

/** Why a question can't be answered. */
export const ErrorResponse: MessageType<ErrorResponse> = /* @__PURE__ */ messageType(ErrorResponseSchema);
