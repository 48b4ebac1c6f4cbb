import java.io.*;
import java.net.*;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

import static java.net.StandardProtocolFamily.UNIX;
import static java.nio.charset.StandardCharsets.UTF_8;

/**
 * Asks the sidecar before an agent acts, and fails closed. One file, Java 17 and nothing else; threads may share it.
 * The contract that it keeps, as every shim, is in the README above this folder.
 *
 * <pre>new Ascend("bot").require("payments.send", "account:42", "{\"amount\": 5}", "");</pre>
 */
public final class Ascend implements AutoCloseable {
    private static final long SECOND = 1_000_000_000;
    private static final Map<String, Failure> VERDICTS = Map.of("deny", Failure.DENIED, "pending", Failure.PENDING);
    private static final Map<String, State> WORDS = Map.of(
        "clear", State.CLEAR, "partly", State.CLEAR, "blocked", State.BLOCKED, "blind", State.BLIND);

    /** Why something is not allowed. */
    public enum Failure { DENIED, PENDING, BLOCKED, OBLIGED, UNREACHABLE, TIMEOUT, INVALID, REJECTED, FAILED }

    /** How the agent stands with the kill switch, the graver the later. */
    public enum State { CLEAR, BLIND, UNKNOWN, BLOCKED }

    /** The failure is null only if it is allowed. The risk is 0 to 100 or null; the body is the daemon's JSON. */
    public record Decision(
        boolean allowed, Failure failure, String code, String reason, Integer risk, String id, String body) { }

    /** What require throws. */
    @SuppressWarnings("serial")
    public static final class NotAllowedException extends RuntimeException {
        public final transient Decision decision;

        NotAllowedException(Decision decision) {
            super(decision.code + ": " + decision.reason, null, false, true);
            this.decision = decision;
        }
    }

    public String address = setting("ASCEND_SIDECAR", "unix:/run/ascend-sidecar/sidecar.sock");
    public String token = setting("ASCEND_TOKEN", "");
    /** No wait is the deadline. */
    public Duration deadline = Duration.ofSeconds(5), wait, silence = Duration.ofSeconds(15);
    public boolean acceptObligations;
    private final String agent;
    private volatile Watch watch;

    /** For the agent (`type:id`, or an id), or if empty that of the environment. Set options before the first call. */
    public Ascend(String agent) {
        String who = agent.isEmpty() ? setting("ASCEND_AGENT_ID", "") : agent;
        if (who.isEmpty()) {
            throw new IllegalArgumentException("an agent must be given");
        }
        this.agent = who.contains(":") ? who : "agent:" + who;
    }

    /**
     * Whether the agent may do this now, asked once; where people must approve, it waits for them. Properties (of the
     * action) and context are JSON objects as text, or empty. It throws nothing that comes of network or daemon.
     */
    public Decision authorize(String action, String resource, String properties, String context) {
        long began = System.nanoTime();
        State state = state();
        if (watch != null && state.compareTo(State.UNKNOWN) >= 0) {
            String code = state == State.BLOCKED ? "halted" : "halts_unknown";
            return refusal(Failure.BLOCKED, code, "The event stream: " + state).decision;
        }
        String body = "{\"subject\":" + entity(agent) + ",\"action\":{\"name\":" + quoted(action) + ",\"properties\":"
            + object(properties) + "},\"resource\":" + entity(resource) + ",\"context\":" + object(context) + "}";
        Decision found = decide(began + deadline.toNanos(), "POST /access/v1/evaluation", "", body);
        long end = began + (wait == null ? deadline : wait).toNanos();
        while (found.failure == Failure.PENDING) {
            long seconds = Math.min(55, (end - System.nanoTime()) / SECOND - 1);
            if (seconds < 1) {
                break;
            }
            Decision news = decide(end, "GET /v1/decisions/" + found.id, "Prefer: wait=" + seconds + "\r\n", "");
            if (!news.id.equals(found.id)) {
                break; // no answer, or another decision's
            }
            found = news;
            if (found.failure == Failure.PENDING) {
                LockSupport.parkNanos(SECOND);
            }
        }
        return found;
    }

    /** The same; throws NotAllowedException unless it is allowed. */
    public Decision require(String action, String resource, String properties, String context) {
        Decision decision = authorize(action, resource, properties, context);
        if (!decision.allowed) {
            throw new NotAllowedException(decision);
        }
        return decision;
    }

    /** Says once that it was "completed" or has "failed"; null if that is on record. Details as properties above. */
    public Failure report(Decision decision, String outcome, String details) {
        if (decision.id.isEmpty()) {
            return Failure.INVALID;
        }
        String rest = object(details).strip().replaceFirst("^\\{\\s*", "");
        String body = "{\"outcome\":" + quoted(outcome) + (rest.equals("}") ? "" : ",") + rest;
        String line = "POST /v1/decisions/" + decision.id + "/outcome";
        try {
            exchange(System.nanoTime() + deadline.toNanos(), line, "", body);
            return null;
        } catch (NotAllowedException refusal) {
            return refusal.decision.failure;
        }
    }

    /** Follows halts from now on. Returns when it is known how things are, at the latest after the deadline. */
    public State watch() {
        synchronized (this) {
            if (watch == null) {
                watch = new Watch();
                Thread thread = new Thread(watch, "ascend-watch");
                thread.setDaemon(true);
                thread.start();
            }
        }
        long until = System.nanoTime() + deadline.toNanos();
        while (state() == State.UNKNOWN && System.nanoTime() - until < 0 && !Thread.currentThread().isInterrupted()) {
            LockSupport.parkNanos(SECOND / 200);
        }
        return state();
    }

    /** True unless a watched stream says that nothing halts the agent. Asks nobody. */
    public boolean isBlocked() {
        return state() != State.CLEAR;
    }

    /** Ends the watch, whose connection goes with the stream's next line. */
    @Override
    public void close() {
        watch = null;
    }

    private State state() {
        Watch watched = watch;
        // Whoever should notice the silence may not have come to it yet.
        boolean isHeard = watched != null && System.nanoTime() - watched.heard < silence.toNanos();
        return isHeard ? watched.state : State.UNKNOWN;
    }

    /** An answer is believed only if all of it fits together. */
    private Decision decide(long until, String line, String fields, String body) {
        try {
            Answer answer = exchange(until, line, fields, body);
            String verdict = answer.of("Verdict"), code = answer.of("Code"), raw = answer.body;
            String id = answer.of("Id"), risk = answer.of("Risk");
            String known = "(allow [0-9]+|pending [0-9]+|deny [0-9]*) ([0-9]{1,2}|100|)";
            boolean isAllow = verdict.equals("allow");
            if (code.isEmpty() || !(verdict + " " + id + " " + risk).matches(known)
                || !raw.startsWith("{\"decision\":" + isAllow) || !raw.endsWith("}")) {
                throw refusal(Failure.INVALID, "", "its parts do not fit together");
            }
            boolean isFree = raw.contains("\"obligations\":[]") && !raw.contains("\"obligations\":[{");
            boolean isObliged = isAllow && !isFree && !acceptObligations;
            Failure failure = isObliged ? Failure.OBLIGED : VERDICTS.get(verdict);
            return new Decision(isAllow && !isObliged, failure, isObliged ? "obligations" : code,
                decoded(answer.of("Reason")), risk.isEmpty() ? null : Integer.valueOf(risk), id, raw);
        } catch (NotAllowedException refusal) {
            return refusal.decision;
        }
    }

    /** One request on a connection of its own, never repeated: a whole answer of status 200. */
    private Answer exchange(long until, String line, String fields, String body) {
        try (Connection connection = new Connection()) {
            Map<String, String> head = connection.ask(until, line, fields, body);
            byte[] raw = connection.in.readNBytes(1 << 20);
            if (!head.getOrDefault("Content-Length", "").equals(String.valueOf(raw.length))) {
                throw new IOException("a body of another length than its head says");
            }
            return new Answer(head, new String(raw, UTF_8));
        } catch (IOException error) {
            boolean isLate = System.nanoTime() - until >= 0;
            throw refusal(isLate ? Failure.TIMEOUT : Failure.INVALID, "", "no whole answer: " + error);
        }
    }

    private record Answer(Map<String, String> fields, String body) {
        String of(String name) {
            return fields.getOrDefault("X-Ascend-" + name, "");
        }
    }

    /** Ends at its limit, whatever it is being used for: closing a channel wakes who waits for it. */
    private final class Connection implements AutoCloseable {
        private final boolean isUnix = address.startsWith("unix:");
        private final SocketChannel channel = isUnix ? SocketChannel.open(UNIX) : SocketChannel.open();
        private final InputStream in = new BufferedInputStream(Channels.newInputStream(channel));
        private CompletableFuture<Void> limit = new CompletableFuture<>();

        Connection() throws IOException { }

        void limit(long until) {
            limit.complete(null);
            limit = new CompletableFuture<Void>().orTimeout(until - System.nanoTime(), TimeUnit.NANOSECONDS);
            limit.exceptionally(late -> {
                close();
                return null;
            });
        }

        /** Asks, and reads the fields of the head of an answer of status 200. One that is there twice is empty. */
        Map<String, String> ask(long until, String line, String more, String body) throws IOException {
            connect(until);
            int length = body.getBytes(UTF_8).length;
            String request = line + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + more
                + (token.isEmpty() ? "" : "Authorization: Bearer " + token + "\r\n")
                + (length == 0 ? "" : "Content-Type: application/json\r\nContent-Length: " + length + "\r\n");
            try {
                Channels.newOutputStream(channel).write((request + "\r\n" + body).getBytes(UTF_8));
            } catch (IOException error) {
                // Whoever does not take it all may have answered already; if not, reading tells.
            }
            String[] lines = text("\r\n\r\n", 64 << 10).split("\r\n");
            if (!lines[0].matches("HTTP/1\\.[01] (200|[45][0-9]{2})( .*)?")) {
                throw new IOException("another status than 200, or not HTTP/1.1");
            }
            if (!lines[0].startsWith("200", 9)) {
                Failure failure = lines[0].startsWith("4", 9) ? Failure.REJECTED : Failure.FAILED;
                throw refusal(failure, "http_" + lines[0].substring(9, 12), lines[0]);
            }
            Map<String, String> fields = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
            for (String one : lines) {
                String[] field = one.split(":", 2);
                fields.merge(field[0], field[field.length - 1].strip(), (first, second) -> "");
            }
            return fields;
        }

        private void connect(long until) {
            limit(until);
            try {
                URI uri = isUnix ? null : URI.create(address);
                channel.connect(isUnix ? UnixDomainSocketAddress.of(address.substring(5))
                    : new InetSocketAddress(uri.getHost(), uri.getPort()));
            } catch (IOException | RuntimeException error) {
                throw refusal(Failure.UNREACHABLE, "", address + ": " + error);
            }
        }

        /** What comes until its end, which is left out. */
        String text(String end, int limit) throws IOException {
            StringBuilder text = new StringBuilder();
            while (text.indexOf(end, text.length() - end.length()) < 0) {
                int next = in.read();
                if (next < 0 || text.length() == limit) {
                    throw new IOException("an answer or a line without its end");
                }
                text.append((char) next);
            }
            return text.substring(0, text.length() - end.length());
        }

        @Override
        public void close() {
            limit.complete(null);
            try {
                channel.close();
            } catch (IOException error) {
                // It is over either way.
            }
        }
    }

    /** Reads stream after stream, half a second apart, and has what they said last. */
    private final class Watch implements Runnable {
        private volatile State state = State.UNKNOWN;
        private volatile long heard = System.nanoTime();

        @Override
        public void run() {
            for (; watch == this; LockSupport.parkNanos(SECOND / 2)) {
                try (Connection connection = new Connection()) {
                    follow(connection);
                } catch (IOException | NotAllowedException error) {
                    // The next stream tells how things are.
                } finally {
                    state = State.UNKNOWN;
                }
            }
        }

        /** Returns, or throws, when what the stream says can no longer be relied upon. */
        private void follow(Connection connection) throws IOException {
            String line = "GET /v1/events?agent=" + URLEncoder.encode(agent, UTF_8).replace("+", "%20");
            connection.ask(System.nanoTime() + silence.toNanos(), line, "Accept: text/plain\r\n", "");
            // Of the agent, of everybody, and of the stream itself, whose last word is none that is known.
            var told = new HashMap<>(Map.of(agent, State.UNKNOWN, "*", State.UNKNOWN, "-", State.UNKNOWN));
            while (heed(connection.text("\n", 8 << 10), told) && watch == this) {
                state = Collections.max(List.of(told.get(agent), told.get("*")));
                heard = System.nanoTime();
                connection.limit(heard + silence.toNanos());
            }
        }

        private boolean heed(String line, Map<String, State> told) {
            String[] parts = line.split(" ", -1);
            if (line.startsWith(":") || parts.length != 4) {
                return line.startsWith(":");
            }
            State state = WORDS.getOrDefault(parts[1], State.UNKNOWN);
            return told.replace(decoded(parts[2]), state) == null || state != State.UNKNOWN;
        }
    }

    private static NotAllowedException refusal(Failure failure, String code, String reason) {
        String word = code.isEmpty() ? failure.name().toLowerCase(Locale.ROOT) : code;
        return new NotAllowedException(new Decision(false, failure, word, reason, null, "", ""));
    }

    private static String setting(String variable, String otherwise) {
        String set = System.getenv(variable);
        return set == null || set.isEmpty() ? otherwise : set;
    }

    private static String object(String json) {
        return json.isEmpty() ? "{}" : json;
    }

    private static String entity(String name) {
        String[] parts = (name + (name.contains(":") ? "" : ":")).split(":", 2);
        return "{\"type\":" + quoted(parts[0]) + ",\"id\":" + quoted(parts[1]) + "}";
    }

    private static String quoted(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char one : text.toCharArray()) {
            boolean isBare = one >= ' ' && one != '"' && one != '\\';
            out.append(isBare ? String.valueOf(one) : String.format("\\u%04x", (int) one));
        }
        return out.append('"').toString();
    }

    private static String decoded(String text) {
        try {
            return URLDecoder.decode(text.replace("+", "%2B"), UTF_8);
        } catch (IllegalArgumentException error) {
            return text;
        }
    }
}
