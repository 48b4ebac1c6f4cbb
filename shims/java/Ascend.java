import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.URI;
import java.net.URLEncoder;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

/**
 * Asks the sidecar before an agent acts, and fails closed. One file, Java 17 and nothing else; threads may share it. The
 * contract that it keeps, as every shim, is in the README above this folder.
 *
 * <pre>new Ascend("bot").require("payments.send", "account:42", "{\"amount\": 5}", "");</pre>
 */
public final class Ascend implements AutoCloseable {
    private static final int HEAD_LIMIT = 64 << 10, BODY_LIMIT = 1 << 20, LINE_LIMIT = 8 << 10;
    private static final Map<String, State> WORDS = Map.of(
        "clear", State.CLEAR, "partly", State.CLEAR, "blocked", State.BLOCKED, "blind", State.BLIND);

    /** Why something is not allowed. */
    public enum Failure { DENIED, PENDING, BLOCKED, OBLIGED, UNREACHABLE, TIMEOUT, INVALID, REJECTED, FAILED }

    /** How the agent stands with the kill switch. */
    public enum State { CLEAR, BLOCKED, BLIND, UNKNOWN }

    /** What is empty is taken from the environment, else it is the default; no wait is the deadline. */
    public static final class Options {
        public String address = "", agent = "", token = "";
        public Duration deadline = Duration.ofSeconds(5), wait, silence = Duration.ofSeconds(15);
        public boolean acceptObligations;
    }

    /** The failure is null only if it is allowed. The risk is 0 to 100 or null; the body is the daemon's JSON. */
    public record Decision(
        boolean allowed, Failure failure, String code, String reason, Integer risk, String id, String body) { }

    /** What require throws. */
    @SuppressWarnings("serial")
    public static final class NotAllowedException extends RuntimeException {
        public final transient Decision decision;

        NotAllowedException(Decision decision) {
            super(decision.code + ": " + decision.reason);
            this.decision = decision;
        }
    }

    private final SocketAddress place;
    private final String agent, fields;
    private final long deadline, wait, silence; // nanoseconds
    private final boolean accepts;
    private Map<String, State> told = Map.of();
    private long heard; // when that was last said to be so
    private Thread watch;

    public Ascend(String agent) {
        this(named(agent));
    }

    /** Throws IllegalArgumentException for options that cannot work. */
    public Ascend(Options given) {
        deadline = nanos(given.deadline);
        wait = given.wait == null ? deadline : nanos(given.wait);
        silence = nanos(given.silence);
        accepts = given.acceptObligations;
        String address = first(given.address, "ASCEND_SIDECAR", "unix:/run/ascend-sidecar/sidecar.sock");
        String who = first(given.agent, "ASCEND_AGENT_ID", ""), token = first(given.token, "ASCEND_TOKEN", "");
        agent = who.contains(":") ? who : "agent:" + who;
        URI uri = address.startsWith("unix:") ? null : URI.create(address);
        boolean isHttp = uri != null && "http".equals(uri.getScheme()) && uri.getHost() != null;
        if (who.isEmpty() || uri != null && !isHttp || !token.matches("[!-~]*")) {
            throw new IllegalArgumentException("agent must be given, address unix:/PATH or http://HOST:PORT, token ASCII");
        }
        place = uri == null
            ? UnixDomainSocketAddress.of(address.substring(5))
            : new InetSocketAddress(uri.getHost(), uri.getPort() < 0 ? 80 : uri.getPort());
        fields = "Host: " + (uri == null ? "localhost" : uri.getAuthority()) + "\r\nConnection: close\r\n"
            + (token.isEmpty() ? "" : "Authorization: Bearer " + token + "\r\n");
    }

    /**
     * Whether the agent may do this now, asked once; where people must approve, it waits for them. Properties (of the
     * action) and context are JSON objects as text, or empty. It throws nothing that comes of the network or the daemon.
     */
    public Decision authorize(String action, String resource, String properties, String context) {
        long began = System.nanoTime();
        synchronized (this) {
            State state = state();
            if (watch != null && (state == State.BLOCKED || state == State.UNKNOWN)) {
                String code = state == State.BLOCKED ? "halted" : "halts_unknown";
                return new Decision(false, Failure.BLOCKED, code, "The event stream: " + state, null, "", "");
            }
        }
        String body = "{\"subject\":" + entity(agent) + ",\"action\":{\"name\":" + quoted(action) + ",\"properties\":"
            + (properties.isEmpty() ? "{}" : properties) + "},\"resource\":" + entity(resource) + ",\"context\":"
            + (context.isEmpty() ? "{}" : context) + "}";
        Decision found = decided("POST /access/v1/evaluation", "", body, began + deadline, "");
        for (long next = began; found.failure == Failure.PENDING; next += 1_000_000_000L) {
            if (!slept(next - System.nanoTime())) {
                break;
            }
            next = System.nanoTime();
            long left = (began + wait - next) / 1_000_000;
            if (left < 1500) {
                break;
            }
            String prefer = "Prefer: wait=" + Math.min(55, (left - 500) / 1000) + "\r\n";
            long last = began + Math.max(wait, deadline);
            Decision news = decided("GET /v1/decisions/" + found.id, prefer, "", last, found.id);
            if (news.failure == Failure.TIMEOUT) {
                break;
            }
            found = !news.id.isEmpty() ? news
                : new Decision(false, news.failure, news.code, found.reason, found.risk, found.id, news.body);
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
        String rest = details.isEmpty() ? "{}" : details.strip();
        if (!decision.id.matches("[0-9]+") || !rest.startsWith("{")) {
            return Failure.INVALID;
        }
        rest = rest.substring(1).strip();
        String body = "{\"outcome\":" + quoted(outcome) + (rest.equals("}") ? "" : ",") + rest;
        try {
            long until = System.nanoTime() + deadline;
            exchange("POST /v1/decisions/" + decision.id + "/outcome", "", body, until);
            return null;
        } catch (Refusal refusal) {
            return refusal.decision.failure;
        }
    }

    /** Follows halts from now on. Returns when it is known how things are, at the latest after the deadline. */
    public synchronized State watch() {
        if (watch == null) {
            watch = new Thread(this::follow, "ascend-watch");
            watch.setDaemon(true);
            watch.start();
        }
        long until = System.nanoTime() + deadline;
        try {
            for (long left; state() == State.UNKNOWN && (left = until - System.nanoTime()) > 0;) {
                wait(left / 1_000_000 + 1);
            }
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        return state();
    }

    /** True unless a watched stream says that nothing halts the agent. Asks nobody. */
    public synchronized boolean isBlocked() {
        return state() != State.CLEAR;
    }

    /** Ends the watch. */
    @Override
    public synchronized void close() {
        if (watch != null) {
            watch.interrupt();
        }
        watch = null;
        told = Map.of();
    }

    private synchronized State state() {
        // Whoever should notice the silence may not have come to it yet.
        Map<String, State> told = System.nanoTime() - heard > silence ? Map.of() : this.told;
        State everybody = told.getOrDefault("*", State.UNKNOWN), mine = told.getOrDefault(agent, State.UNKNOWN);
        for (State state : List.of(State.BLOCKED, State.UNKNOWN, State.BLIND)) {
            if (everybody == state || mine == state) {
                return state;
            }
        }
        return State.CLEAR;
    }

    /** An answer is believed only if all of it fits together. `asked` is the id that it must have, if any. */
    private Decision decided(String line, String more, String body, long until, String asked) {
        try {
            Answer answer = exchange(line, more, body, until);
            String verdict = answer.only("x-ascend-verdict"), code = answer.only("x-ascend-code");
            String id = answer.only("x-ascend-id"), risk = answer.last("x-ascend-risk"), raw = answer.body;
            boolean isAllow = verdict.equals("allow"), isFree = accepts || !isAllow;
            boolean obliged = !isFree && raw.contains("\"obligations\":[{");
            if (!List.of("allow", "deny", "pending").contains(verdict) || code.isEmpty()
                || !id.matches("[0-9]*") || id.isEmpty() && !verdict.equals("deny")
                || !asked.isEmpty() && !asked.equals(id)
                || !risk.matches("[0-9]{0,2}|100")
                || !raw.startsWith("{\"decision\":" + isAllow) || !raw.endsWith("}")
                || !isFree && !obliged && !raw.contains("\"obligations\":[]")) {
                throw new Refusal(Failure.INVALID, "its parts do not fit together, or are of another decision");
            }
            Failure failure = obliged ? Failure.OBLIGED : isAllow ? null
                : verdict.equals("deny") ? Failure.DENIED : Failure.PENDING;
            return new Decision(failure == null, failure, obliged ? "obligations" : code,
                decoded(answer.last("x-ascend-reason")), risk.isEmpty() ? null : Integer.valueOf(risk), id, raw);
        } catch (Refusal refusal) {
            return refusal.decision;
        }
    }

    /** One request on a connection of its own, never repeated: a whole answer of status 200. */
    private Answer exchange(String line, String more, String body, long until) throws Refusal {
        try (Connection connection = new Connection(place, until)) {
            connection.send(line, fields + more, body, until);
            Answer head = connection.head(until);
            String length = head.only("content-length");
            if (!length.matches("[0-9]{1,7}") || Integer.parseInt(length) > BODY_LIMIT) {
                throw new Refusal(Failure.INVALID, "a body without a length, or one that is too long");
            }
            return new Answer(head.fields, connection.take(Integer.parseInt(length), until));
        }
    }

    /** Opens stream after stream, half a second apart, until it is interrupted. */
    private void follow() {
        do {
            long until = System.nanoTime() + silence;
            try (Connection connection = new Connection(place, until)) {
                String line = "GET /v1/events?agent=" + URLEncoder.encode(agent, UTF_8).replace("+", "%20");
                connection.send(line, fields + "Accept: text/plain\r\n", "", until);
                connection.head(until);
                Map<String, State> words = new HashMap<>();
                while (true) {
                    take(connection.line(System.nanoTime() + silence), words);
                    tell(Map.copyOf(words));
                }
            } catch (Refusal refusal) {
                // The next stream tells how things are.
            } finally {
                tell(Map.of()); // what a stream said is worth nothing once it can no longer say otherwise
            }
        } while (slept(500_000_000));
    }

    private void take(String line, Map<String, State> words) throws Refusal {
        String[] parts = line.split(" ", -1);
        if (line.startsWith(":")) {
            return;
        }
        if (parts.length != 4 || !parts[0].matches("[0-9]+") || parts[1].matches("bye|cut")) {
            throw new Refusal(Failure.INVALID, "a line of another form, or the last one");
        }
        String about = decoded(parts[2]);
        if (about.equals("*") || about.equals(agent)) {
            if (!WORDS.containsKey(parts[1])) {
                throw new Refusal(Failure.INVALID, "a word that is not known");
            }
            words.put(about, WORDS.get(parts[1]));
        }
    }

    private synchronized void tell(Map<String, State> words) {
        if (watch == Thread.currentThread()) {
            told = words;
            heard = System.nanoTime();
            notifyAll();
        }
    }

    private static boolean slept(long nanos) {
        try {
            Thread.sleep(Math.max(0, nanos / 1_000_000));
            return true;
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private static long nanos(Duration span) {
        return Math.min(span.toSeconds(), 365L * 86_400) * 1_000_000_000L + span.toNanosPart();
    }

    private static Options named(String agent) {
        Options options = new Options();
        options.agent = agent;
        return options;
    }

    private static String first(String given, String variable, String otherwise) {
        String set = given.isEmpty() ? System.getenv(variable) : given;
        return set == null || set.isEmpty() ? otherwise : set;
    }

    private static String entity(String name) {
        int colon = name.indexOf(':');
        String type = colon < 0 ? name : name.substring(0, colon), id = colon < 0 ? "" : name.substring(colon + 1);
        return "{\"type\":" + quoted(type) + ",\"id\":" + quoted(id) + "}";
    }

    private static String quoted(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char one : text.toCharArray()) {
            boolean isBare = one >= ' ' && one != '"' && one != '\\';
            out.append(isBare ? String.valueOf(one) : String.format("\\u%04x", (int) one));
        }
        return out.append('"').toString();
    }

    /** A % that begins no byte stands for itself. */
    private static String decoded(String text) {
        byte[] raw = text.getBytes(ISO_8859_1);
        ByteBuffer out = ByteBuffer.allocate(raw.length);
        for (int at = 0; at < raw.length; at++) {
            String hex = raw[at] == '%' && at + 2 < raw.length ? text.substring(at + 1, at + 3) : "";
            boolean isByte = hex.matches("[0-9A-Fa-f]{2}");
            out.put(isByte ? (byte) Integer.parseInt(hex, 16) : raw[at]);
            at += isByte ? 2 : 0;
        }
        return new String(out.array(), 0, out.position(), UTF_8);
    }

    /** What is decided here because no answer can be believed. */
    @SuppressWarnings("serial")
    private static final class Refusal extends Exception {
        final transient Decision decision;

        Refusal(Failure failure, String reason) {
            this(failure, failure.name().toLowerCase(Locale.ROOT), reason);
        }

        Refusal(Failure failure, String code, String reason) {
            super(reason, null, false, false);
            decision = new Decision(false, failure, code, String.valueOf(reason), null, "", "");
        }
    }

    /** The fields of a head, names in lower case, and the body. */
    private record Answer(Map<String, List<String>> fields, String body) {
        String only(String name) throws Refusal {
            if (fields.getOrDefault(name, List.of()).size() != 1) {
                throw new Refusal(Failure.INVALID, name + " is not there once");
            }
            return last(name);
        }

        String last(String name) {
            List<String> values = fields.getOrDefault(name, List.of(""));
            return values.get(values.size() - 1);
        }
    }

    /** Non-blocking, so that a deadline ends whatever it does. Moments are of System.nanoTime. */
    private static final class Connection implements AutoCloseable {
        private final ByteBuffer piece = ByteBuffer.allocate(16 << 10);
        private SocketChannel channel;
        private Selector selector;
        private byte[] read = {};

        Connection(SocketAddress place, long until) throws Refusal {
            try {
                channel = place instanceof UnixDomainSocketAddress
                    ? SocketChannel.open(StandardProtocolFamily.UNIX) : SocketChannel.open();
                channel.configureBlocking(false);
                selector = Selector.open();
                channel.register(selector, 0);
                if (!channel.connect(place)) {
                    await(SelectionKey.OP_CONNECT, until);
                    channel.finishConnect();
                }
            } catch (IOException | RuntimeException | Refusal error) {
                close();
                throw new Refusal(Failure.UNREACHABLE, error.getMessage());
            }
        }

        void send(String line, String fields, String body, long until) throws Refusal {
            byte[] raw = body.getBytes(UTF_8);
            String typed = raw.length == 0 ? ""
                : "Content-Type: application/json\r\nContent-Length: " + raw.length + "\r\n";
            ByteBuffer all = ByteBuffer.wrap((line + " HTTP/1.1\r\n" + fields + typed + "\r\n" + body).getBytes(UTF_8));
            try {
                while (channel.write(all) >= 0 && all.hasRemaining()) {
                    await(SelectionKey.OP_WRITE, until);
                }
            } catch (IOException | RuntimeException error) {
                // Whoever does not take it all may have answered already; if not, reading tells.
            }
        }

        /** The head of an answer of status 200. */
        Answer head(long until) throws Refusal {
            int end;
            while ((end = new String(read, ISO_8859_1).indexOf("\r\n\r\n")) < 0 && read.length <= HEAD_LIMIT) {
                more(until);
            }
            String[] lines = new String(read, 0, Math.max(end, 0), ISO_8859_1).split("\r\n", -1);
            if (end < 0 || end > HEAD_LIMIT || !lines[0].matches("HTTP/1\\.[01] [1-5][0-9]{2}( .*)?")) {
                throw new Refusal(Failure.INVALID, "this is not HTTP/1.1");
            }
            drop(end + 4);
            String status = lines[0].substring(9, 12);
            if (!status.equals("200")) {
                char kind = status.charAt(0);
                throw kind != '4' && kind != '5' ? new Refusal(Failure.INVALID, "status " + status)
                    : new Refusal(kind == '4' ? Failure.REJECTED : Failure.FAILED, "http_" + status, "status " + status);
            }
            Map<String, List<String>> fields = new HashMap<>();
            for (String line : Arrays.copyOfRange(lines, 1, lines.length)) {
                int colon = line.indexOf(':');
                if (colon <= 0 || !line.substring(0, colon).matches("[\\w!#$%&'*+.^`|~-]+")) {
                    throw new Refusal(Failure.INVALID, "this is not HTTP/1.1");
                }
                String name = line.substring(0, colon).toLowerCase(Locale.ROOT);
                fields.computeIfAbsent(name, any -> new ArrayList<>()).add(line.substring(colon + 1).strip());
            }
            return new Answer(fields, "");
        }

        String take(int length, long until) throws Refusal {
            while (read.length < length) {
                more(until);
            }
            return new String(read, 0, length, UTF_8);
        }

        String line(long until) throws Refusal {
            for (int end = 0;; more(until)) {
                for (; end < read.length; end++) {
                    if (read[end] == '\n') {
                        String line = new String(read, 0, end, UTF_8);
                        drop(end + 1);
                        return line;
                    }
                }
                if (read.length > LINE_LIMIT) {
                    throw new Refusal(Failure.INVALID, "a line without an end");
                }
            }
        }

        private void drop(int count) {
            read = Arrays.copyOfRange(read, count, read.length);
        }

        private void more(long until) throws Refusal {
            try {
                int count;
                while ((count = channel.read(piece.clear())) == 0) {
                    await(SelectionKey.OP_READ, until);
                }
                if (count < 0) {
                    throw new Refusal(Failure.INVALID, "the connection ended before the answer did");
                }
                read = Arrays.copyOf(read, read.length + count);
                System.arraycopy(piece.array(), 0, read, read.length - count, count);
            } catch (IOException | RuntimeException error) {
                throw new Refusal(Failure.INVALID, error.getMessage());
            }
        }

        private void await(int operation, long until) throws IOException, Refusal {
            channel.keyFor(selector).interestOps(operation);
            long left = (until - System.nanoTime()) / 1_000_000 + 1;
            if (left <= 0 || selector.select(left) == 0) {
                boolean isInterrupted = Thread.currentThread().isInterrupted();
                throw isInterrupted ? new Refusal(Failure.INVALID, "the thread was interrupted")
                    : new Refusal(Failure.TIMEOUT, "no whole answer in time");
            }
            selector.selectedKeys().clear();
        }

        @Override
        public void close() {
            try {
                if (selector != null) {
                    selector.close();
                }
                if (channel != null) {
                    channel.close();
                }
            } catch (IOException error) {
                // It is over either way.
            }
        }
    }
}
