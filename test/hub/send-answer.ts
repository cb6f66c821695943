import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Fault } from './fault-plan.js';
import type { StoredFile } from './stored-repository.js';

/** Sends an answer's body, wrongly where a fault says so. */
export const sendBody = (
  response: ServerResponse,
  status: number,
  headers: Record<string, string>,
  body: Buffer,
  fault: Fault | undefined,
): void => {
  const send = (content: Buffer, isChunked = false): void => {
    response.writeHead(
      status,
      isChunked ? { ...headers, 'transfer-encoding': 'chunked' } : { ...headers, 'content-length': String(content.length) },
    );
    response.end(content);
  };
  switch (fault?.kind) {
    case undefined:
    case 'status':
      send(body);
      break;
    case 'web-page':
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Please log in</html>');
      break;
    case 'short':
      send(body.subarray(0, Math.max(0, body.length - fault.missingBytes)), fault.isChunked);
      break;
    case 'corrupt':
      send(Buffer.concat([body.subarray(0, -1), body.subarray(-1).map((byte) => byte ^ 1)]));
      break;
    case 'drop':
    case 'stall':
      response.writeHead(status, { ...headers, 'content-length': String(body.length) });
      response.write(body.subarray(0, Math.min(fault.afterBytes, body.length - 1)), () => {
        if (fault.kind === 'drop') response.socket?.end(() => response.destroy());
      });
      if (fault.afterBytes === 0) response.flushHeaders();
  }
};

/** Sends a file, or the part of it that is asked for. */
export const sendContent = (
  request: IncomingMessage,
  response: ServerResponse,
  headers: Record<string, string>,
  { content }: StoredFile,
  fault: Fault | undefined,
  ignoresRange: boolean,
): void => {
  if (request.method === 'HEAD') {
    response.writeHead(200, { ...headers, 'content-length': String(content.length) }).end();
    return;
  }
  const range = ignoresRange ? null : /^bytes=(\d+)-(\d*)$/u.exec(request.headers.range ?? '');
  if (range === null) {
    sendBody(response, 200, headers, content, fault);
    return;
  }
  const begin = Number(range[1]);
  if (begin >= content.length) {
    response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
    return;
  }
  const end = Math.min(range[2] === '' ? content.length : Number(range[2]) + 1, content.length);
  const contentRange = `bytes ${begin}-${end - 1}/${content.length}`;
  sendBody(response, 206, { ...headers, 'content-range': contentRange }, content.subarray(begin, end), fault);
};

/** Refuses as the Hub does: the reason is in the headers. */
export const refuse = (response: ServerResponse, status: number, code: string | undefined, message: string): void => {
  response.writeHead(status, {
    ...(code !== undefined && { 'x-error-code': code }),
    'x-error-message': message,
    'content-type': 'application/json',
  });
  response.end(JSON.stringify({ error: message }));
};
