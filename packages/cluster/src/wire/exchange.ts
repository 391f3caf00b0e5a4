/** One request and its answer: what was asked, read once, and the ways to answer. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ApiError, Status } from '../api.ts';
import type { Access } from '../security/access.ts';
import { ANONYMOUS_USER, type User } from '../security/user.ts';
import { failure } from '../status.ts';
import type { Backlog } from '../storage/backlog.ts';
import { compressed, isCompressed } from './compression.ts';
import { yaml } from './yaml.ts';

/** As a real server's default (3 MiB). */
export const MAX_BODY_BYTES = 3 * 1024 * 1024;
/** As sigs.k8s.io/yaml writes it: keys sorted, lists not indented, what YAML 1.1 would take for something else quoted. */
const YAML = { sortMapEntries: true, indentSeq: false, version: '1.1', lineWidth: 0 } as const;

/** As Go reads a query: what has a semicolon or an escape that is none is left out, and the rest counts. */
function parametersOf(query: string): URLSearchParams {
  const isReadable = (pair: string): boolean => !/;|%(?![0-9a-f]{2})/i.test(pair);
  return new URLSearchParams(query.split('&').filter(isReadable).join('&'));
}

/** A client that sends a thousand unknown fields gets no thousand headers. */
const MAX_WARNINGS = 32;
const MAX_WARNING_LENGTH = 512;

export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Authentication, authorization and the tokens of ServiceAccounts. */
  readonly access: Access;
  /** Who asks; known from authentication on. */
  user: User = ANONYMOUS_USER;
  /** Told of the size of the answer once it is given to the connection. */
  whenWritten: (bytes: number) => void = () => undefined;
  readonly #warnings: string[] = [];
  readonly #backlog: Backlog;
  #isAnswered = false;

  /** @param backlog  what has to be kept before anything is answered */
  constructor(request: IncomingMessage, response: ServerResponse, access: Access, backlog: Backlog) {
    this.request = request;
    this.response = response;
    this.access = access;
    this.#backlog = backlog;
    this.method = request.method ?? 'GET';
    const target = request.url ?? '/';
    const question = target.indexOf('?');
    this.path = question < 0 ? target : target.slice(0, question);
    this.query = parametersOf(question < 0 ? '' : target.slice(question + 1));
  }

  /** A query parameter; undefined where it is absent or empty. */
  param(name: string): string | undefined {
    const value = this.query.get(name);
    return value === null || value === '' ? undefined : value;
  }

  /** `true`, `1` and the bare name, as Go's conversion of query parameters reads them. */
  flag(name: string): boolean {
    const value = this.query.get(name);
    return value !== null && value !== 'false' && value !== '0';
  }

  header(name: string): string | undefined {
    const value = this.request.headers[name];
    return Array.isArray(value) ? value.join(',') : value;
  }

  /** Who writes, for the record: the query's fieldManager, else the client's name. */
  get actor(): string {
    return this.param('fieldManager') ?? nameOfClient(this.header('user-agent') ?? '');
  }

  /** The same with who it is, whom admission may ask for more than the right to write. */
  get writer(): { readonly actor: string; readonly user: User } {
    return { actor: this.actor, user: this.user };
  }

  /** Told in a header of the answer; kubectl prints it. */
  warn(text: string): void {
    if (this.#warnings.length < MAX_WARNINGS) this.#warnings.push(text.slice(0, MAX_WARNING_LENGTH));
  }

  /** @throws ApiError 413 */
  body(): Promise<Buffer> {
    const { request } = this;
    // By events: an async iterator costs each request as much as the rest of its reading.
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const take = (bytes: Buffer): void => {
        chunks.push(bytes);
        size += bytes.length;
        if (size <= MAX_BODY_BYTES) return;
        request.off('data', take);
        reject(tooLarge());
      };
      request.on('data', take);
      request.on('end', () =>
        resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)),
      );
      request.on('error', reject);
    });
  }

  /** `text` is JSON on one line. */
  sendJson(code: number, text: string, headers: Readonly<Record<string, string>> = {}): void {
    const body = this.#isForPeople() ? JSON.stringify(JSON.parse(text), null, 2) : text;
    this.send(code, 'application/json', `${body}\n`, headers);
  }

  /** In the encoding that was negotiated. */
  sendObject(code: number, encoding: 'json' | 'yaml', text: string): void {
    if (encoding === 'yaml') this.send(code, 'application/yaml', yaml().stringify(JSON.parse(text), YAML));
    else this.sendJson(code, text);
  }

  sendStatus(status: Status): void {
    const after = status.details?.retryAfterSeconds;
    this.sendJson(status.code, JSON.stringify(status), after === undefined ? {} : { 'retry-after': String(after) });
  }

  sendError(error: ApiError): void {
    this.sendStatus(error.status);
  }

  /** Answers once all that was written up to now is kept: an answer, also to a read, tells nothing that could be lost. */
  send(code: number, type: string, body: string | Buffer, headers: Readonly<Record<string, string>> = {}): void {
    if (this.#isAnswered || this.response.headersSent) {
      this.response.destroy();
      return;
    }
    this.#isAnswered = true;
    const answer = (): void => this.#write(code, type, body, headers);
    const kept = this.#backlog.whenKept();
    if (kept === undefined) answer();
    else
      kept
        .then(answer, (error: ApiError) => (this.#reads ? answer() : this.#writeError(error)))
        .catch(() => this.response.destroy());
  }

  get #reads(): boolean {
    return this.method === 'GET' || this.method === 'HEAD';
  }

  #writeError({ status }: ApiError): void {
    this.#write(status.code, 'application/json', `${JSON.stringify(status)}\n`, {});
  }

  #write(code: number, type: string, body: string | Buffer, headers: Readonly<Record<string, string>>): void {
    const { response } = this;
    const size = Buffer.byteLength(body);
    if (this.#warnings.length > 0) response.setHeader('warning', this.#warnings.map(warningHeader));
    const all = { 'cache-control': 'no-cache, private', 'content-type': type, ...headers };
    if (!isCompressed(this.header('accept-encoding'), size)) this.#end(code, body, size, all);
    else
      compressed(body)
        .then((less) =>
          this.#end(code, less, less.length, { ...all, 'content-encoding': 'gzip', vary: 'Accept-Encoding' }),
        )
        .catch(() => response.destroy());
  }

  /** A short text goes out in one piece with its headers, without a copy in between. */
  #end(code: number, body: string | Buffer, size: number, headers: Readonly<Record<string, string>>): void {
    const { response } = this;
    if (response.destroyed) return;
    response.writeHead(code, { ...headers, 'content-length': String(size) });
    response.end(this.method === 'HEAD' ? undefined : body);
    this.whenWritten(size);
  }

  #isForPeople(): boolean {
    const asked = this.query.get('pretty');
    if (asked !== null) return asked !== 'false' && asked !== '0';
    const html = /\btext\/html\b/.test(this.header('accept') ?? '');
    return html || /^(curl|Wget|Mozilla)\b/.test(this.header('user-agent') ?? '');
  }
}

const MAX_MANAGER_BYTES = 128;

/** `kubectl` of `kubectl/v1.32.0 (linux/amd64) …`: what can be printed of it, up to 128 bytes. */
function nameOfClient(agent: string): string {
  const [name = ''] = agent.split('/', 1);
  const printable = name.replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, '');
  if (printable.length <= MAX_MANAGER_BYTES / 4) return printable || 'unknown';
  let [kept, bytes] = ['', 0];
  for (const char of printable) {
    bytes += Buffer.byteLength(char);
    if (bytes > MAX_MANAGER_BYTES) break;
    kept += char;
  }
  return kept;
}

/** RFC 7234 §5.5, code 299; what a header cannot carry is escaped. */
function warningHeader(text: string): string {
  const clean = text.replace(/[^\x20-\x7e]/g, '?').replace(/[\\"]/g, '\\$&');
  return `299 - "${clean}"`;
}

function tooLarge(): ApiError {
  return failure(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${MAX_BODY_BYTES}`);
}
