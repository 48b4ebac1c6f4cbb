import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import static java.nio.charset.StandardCharsets.UTF_8;

/** The Java shim in a loop, for the vectors: a line in, a line out, fields parted by TAB. */
final class Driver {
    private Ascend ascend;
    private Ascend.Decision decision;

    public static void main(String[] arguments) throws IOException {
        warm();
        Driver driver = new Driver();
        PrintStream out = new PrintStream(System.out, true, UTF_8);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, UTF_8));
        for (String line; (line = lines.readLine()) != null;) {
            String[] words = line.split("\t", -1);
            Arrays.setAll(words, at -> words[at].equals("-") ? "" : words[at]);
            out.println(driver.answer(words).map(Driver::shown).collect(Collectors.joining("\t")));
        }
    }

    /** Loads what a call needs: on a busy machine that takes longer than the deadlines of some vectors. */
    private static void warm() throws IOException {
        byte[] whole = ("HTTP/1.1 200 OK\r\nX-Ascend-Verdict: allow\r\nX-Ascend-Code: allowed\r\nX-Ascend-Id: 1\r\n"
            + "Content-Length: 46\r\n\r\n{\"decision\":true,\"context\":{\"obligations\":[]}}").getBytes(UTF_8);
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Thread answering = new Thread(() -> {
                try (Socket caller = server.accept()) {
                    caller.getOutputStream().write(whole);
                    caller.shutdownOutput();
                    caller.getInputStream().readAllBytes(); // until the caller ends it
                } catch (IOException error) {
                    throw new UncheckedIOException(error);
                }
            });
            answering.start();
            Ascend ascend = new Ascend("warm");
            ascend.address = "http://127.0.0.1:" + server.getLocalPort();
            ascend.deadline = Duration.ofMinutes(1);
            ascend.require("a", "b:c", "", "");
            ascend.address = "unix:/nobody/listens";
            ascend.authorize("a", "b:c", "", "");
        }
    }

    private Stream<String> answer(String[] words) {
        switch (words[0]) {
            case "open":
                ascend = opened(words);
                return Stream.of("ok");
            case "authorize":
                decision = ascend.authorize(words[1], words[2], words[3], words[4]);
                return Stream.of("decision", decision.allowed() ? "allowed" : "refused", word(decision.failure()),
                    decision.code(), decision.id(), decision.risk() == null ? "" : decision.risk().toString(),
                    decision.reason());
            case "report":
                return Stream.of("reported", word(ascend.report(decision, words[1], words[2])));
            case "watch":
                return Stream.of("watching", word(ascend.watch()));
            case "await":
                await(words[1]);
                return Stream.of("blocked", blocked());
            case "blocked":
                return Stream.of("blocked", blocked());
            case "measure":
                return Stream.of("measured", measured(Integer.parseInt(words[1]), words[2], words[3]));
            case "close":
                ascend.close();
                return Stream.of("closed");
            default:
                throw new IllegalArgumentException(words[0]);
        }
    }

    /** The median of so many allowed calls, in microseconds. */
    private String measured(int count, String action, String resource) {
        long[] took = new long[count];
        Arrays.setAll(took, at -> {
            long began = System.nanoTime();
            ascend.require(action, resource, "", "");
            return System.nanoTime() - began;
        });
        Arrays.sort(took);
        return String.format("%.1f", took[count / 2] / 1e3);
    }

    private static Ascend opened(String[] words) {
        Ascend ascend = new Ascend(words[2]);
        ascend.address = words[1];
        ascend.token = words[3];
        ascend.deadline = seconds(words[4]);
        ascend.wait = seconds(words[5]);
        ascend.silence = seconds(words[6]);
        ascend.acceptObligations = words[7].equals("accept");
        return ascend;
    }

    private static Duration seconds(String text) {
        return Duration.ofNanos((long) (Double.parseDouble(text) * 1e9));
    }

    private void await(String wanted) {
        long until = System.nanoTime() + 10_000_000_000L;
        while (!blocked().equals(wanted) && System.nanoTime() < until) {
            try {
                Thread.sleep(10);
            } catch (InterruptedException interrupted) {
                return;
            }
        }
    }

    private String blocked() {
        return ascend.isBlocked() ? "yes" : "no";
    }

    private static String word(Enum<?> value) {
        return value == null ? "" : value.name().toLowerCase(Locale.ROOT);
    }

    private static String shown(String word) {
        return word.isEmpty() ? "-" : word.replaceAll("[\t\r\n]", " ");
    }
}
