import { address } from "./call";
import { hasSession, token } from "./session";

const AGAIN_MILLISECONDS = 5000;
let following = false;
let unread = 0;
const listeners = new Set<(unread: number) => void>();

/** Be told how many messages are unread, now and at every change. Returns what ends it. */
export function followInbox(heard: (unread: number) => void): () => void {
  listeners.add(heard);
  heard(unread);
  if (!following) follow();
  return () => void listeners.delete(heard);
}

export function tellUnread(count: number): void {
  unread = count;
  for (const heard of listeners) heard(count);
}

/** The server's events. Where they break off, or a client has none, the next one begins a little later. */
function follow(): void {
  following = hasSession();
  if (!following) return;
  let text = "";
  const task = wx.request({
    url: address("/me/inbox/live", {}, {}),
    header: { authorization: `Bearer ${token()}`, accept: "text/event-stream" },
    enableChunked: true,
    timeout: 600_000,
    complete: () => setTimeout(follow, AGAIN_MILLISECONDS),
  });
  task.onChunkReceived(({ data }) => {
    text += String.fromCharCode(...new Uint8Array(data));
    const events = text.split("\n\n");
    text = events.pop() ?? "";
    for (const event of events) {
      const found = /"unread":(\d+)/.exec(event);
      if (found) tellUnread(Number(found[1]));
    }
  });
}
