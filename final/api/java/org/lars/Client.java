package org.lars;

import java.lang.ref.Cleaner;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * A client of the agent of this host. Any thread may use it, and may close it: calls that are in
 * progress end first. The methods of a closed client throw IllegalStateException.
 */
public final class Client implements AutoCloseable {
    static final Cleaner CLEANER = Cleaner.create();
    private static final int NODE = 18; // bytes of a node in Native.route(): 16 of the address, 2 of the port
    private static final int TIMEOUT_MAX_MS = 3600000; // LARS_TIMEOUT_MAX_MS
    private final Handle handle;
    private final Cleaner.Cleanable memory;
    private volatile boolean closed;

    /** A client with the options of the environment: LARS_ADDRESS, LARS_PORT, LARS_DIR. */
    public Client() {
        this(new Builder());
    }

    /**
     * A client with options; one that is null or 0 has the preset of lars.h.
     *
     * @param address of the agent, IPv4 or IPv6
     * @param port the first of the agent's three
     * @param dir the agent's folder
     * @param timeoutMs milliseconds from 0 to 3600000
     */
    public Client(String address, int port, String dir, int timeoutMs) {
        this(new Builder().address(address).port(port).dir(dir).timeoutMs(timeoutMs));
    }

    private Client(Builder b) {
        long listener = b.listener == null ? 0 : Native.hold(b.listener);
        long p = Native.open(b.address, b.port, b.dir, b.timeoutMs, listener);

        if (p < 0 && p > -4096) {
            LarsException.check((int) p);
        }
        Handle h = new Handle(p, listener);

        handle = h;
        memory = CLEANER.register(this, h::release);
    }

    /**
     * A client with options by name.
     *
     * @return a builder, in which no option is set
     */
    public static Builder builder() {
        return new Builder();
    }

    /** The options of a client. One that is not set has the value of the environment, else the preset. */
    public static final class Builder {
        private byte[] address;
        private byte[] dir;
        private int port;
        private int timeoutMs;
        private EndListener listener;

        private Builder() {}

        /**
         * The address of the agent; preset: 127.0.0.1.
         *
         * @param ip IPv4 or IPv6; null = not set
         * @return this
         */
        public Builder address(String ip) {
            address = chars("address", ip);
            return this;
        }

        /**
         * The first of the agent's three ports; preset: 8888.
         *
         * @param first from 0 to 65533; 0 = not set
         * @return this
         */
        public Builder port(long first) {
            port = (int) inRange("port", first, 65535);
            return this;
        }

        /**
         * The agent's folder; preset: /run/lars.
         *
         * @param folder its path; null = not set
         * @return this
         */
        public Builder dir(String folder) {
            dir = chars("dir", folder);
            return this;
        }

        /**
         * The longest time that a call waits for a node; preset: 200.
         *
         * @param ms milliseconds from 0 to 3600000; 0 = not set
         * @return this
         */
        public Builder timeoutMs(long ms) {
            timeoutMs = timeout("timeoutMs", ms);
            return this;
        }

        /**
         * Sets the listener that is called after each end of a call. It is kept until close().
         *
         * @param to the listener; null = none
         * @return this
         */
        public Builder onEnd(EndListener to) {
            listener = to;
            return this;
        }

        /**
         * Opens the client.
         *
         * @return the client, to be closed
         */
        public Client build() {
            return new Client(this);
        }
    }

    private static long inRange(String name, long value, long most) {
        if (value < 0 || value > most) {
            throw new IllegalArgumentException(name + ": " + value + " is not from 0 to " + most);
        }
        return value;
    }

    static int timeout(String name, long ms) {
        return (int) inRange(name, ms, TIMEOUT_MAX_MS);
    }

    /** A C string. */
    private static byte[] chars(String name, String text) {
        if (text != null && text.indexOf(0) >= 0) {
            throw new IllegalArgumentException(name + ": it has a character of code 0");
        }
        return text == null ? null : (text + "\0").getBytes(StandardCharsets.UTF_8);
    }

    /**
     * The key of a string, the same in every language: FNV-1a, 64 bit, of its UTF-8 form.
     *
     * @param text any text
     * @return the key
     */
    public static long key(String text) {
        Objects.requireNonNull(text, "text: it is null");
        return Native.key(text.getBytes(StandardCharsets.UTF_8));
    }

    /**
     * Which way calls take, why, and how many there were. This method allocates.
     *
     * @return the status of now
     */
    public Status status() {
        Handle h = retained();

        try {
            byte[] raw = Native.status(h.p);

            if (raw == null) {
                throw new OutOfMemoryError("a status");
            }
            return new Status(raw);
        } finally {
            h.release();
        }
    }

    /** The handle, which stays open until its release(). */
    Handle retained() {
        checkOpen();
        handle.retain();
        return handle;
    }

    void checkOpen() {
        if (closed) {
            throw new IllegalStateException("the client is closed");
        }
    }

    /**
     * Begins a call: picks a node for it. close() reports it as failed unless it was reported.
     *
     * @param modid the first number of the module
     * @param cmdid the second number of the module
     * @return the call
     * @throws LarsException when there is no node
     */
    public Call call(int modid, int cmdid) {
        return call(modid, cmdid, 0);
    }

    /**
     * As call(), with a key for modules whose policy is hash.
     *
     * @param modid the first number of the module
     * @param cmdid the second number of the module
     * @param key equal keys get the same node
     * @return the call
     * @throws LarsException when there is no node
     */
    public Call call(int modid, int cmdid, long key) {
        return call(modid, cmdid, key, 0);
    }

    /**
     * As call(), with a key and a time-out for this call.
     *
     * @param modid the first number of the module
     * @param cmdid the second number of the module
     * @param key equal keys get the same node
     * @param timeoutMs milliseconds from 0 to 3600000; 0 = that of the client
     * @return the call
     * @throws LarsException when there is no node
     */
    public Call call(int modid, int cmdid, long key, long timeoutMs) {
        Call call = new Call(this, true);
        boolean well = false;

        try {
            call.begin(modid, cmdid, key, timeoutMs);
            well = true;
        } finally {
            if (!well) {
                call.free();
            }
        }
        return call;
    }

    /**
     * A call that can be begun again and again, without an allocation.
     *
     * @return a call that has not begun
     */
    public Call newCall() {
        return new Call(this, false);
    }

    /**
     * A request that may be tried at several nodes.
     *
     * @param modid the first number of the module
     * @param cmdid the second number of the module
     * @return the request
     */
    public Attempts attempts(int modid, int cmdid) {
        checkOpen();
        return new Attempts(this, modid, cmdid);
    }

    /**
     * Makes the agent load the routes of a module before they are needed.
     *
     * @param modid the first number of the module
     * @param cmdid the second number of the module
     * @throws LarsException when the module has no nodes or the agent does not answer
     */
    public void register(int modid, int cmdid) {
        Handle h = retained();

        try {
            LarsException.check(Native.register(h.p, modid, cmdid));
        } finally {
            h.release();
        }
    }

    /**
     * All nodes of a module.
     *
     * @param modid the first number of the module
     * @param cmdid the second number of the module
     * @return their addresses
     * @throws LarsException when the module has no nodes or the agent does not answer
     */
    public List<InetSocketAddress> route(int modid, int cmdid) {
        int[] rc = new int[1];
        Handle h = retained();
        byte[] all;

        try {
            all = Native.route(h.p, modid, cmdid, rc);
        } finally {
            h.release();
        }
        int n = LarsException.check(rc[0]);
        List<InetSocketAddress> out = new ArrayList<>(n);

        for (int i = 0; i < n; i++) {
            byte[] ip = Arrays.copyOfRange(all, i * NODE, i * NODE + 16);
            int port = (all[i * NODE + 16] & 255) << 8 | all[i * NODE + 17] & 255;

            out.add(new InetSocketAddress(address(isFour(ip) ? Arrays.copyOf(ip, 4) : ip), port));
        }
        return out;
    }

    private static boolean isFour(byte[] ip) {
        for (int i = 4; i < 16; i++) {
            if (ip[i] != 0) {
                return false;
            }
        }
        return true;
    }

    static InetAddress address(byte[] ip) {
        try {
            return InetAddress.getByAddress(ip);
        } catch (UnknownHostException e) {
            throw new IllegalStateException(e); // 4 or 16 bytes
        }
    }

    /** A second call does nothing. */
    @Override
    public void close() {
        closed = true;
        memory.clean();
    }
}
