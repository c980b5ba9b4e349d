package org.lars;

import java.lang.ref.Cleaner;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A client of the agent of this host. Any thread may use it, and may close it: calls that are in
 * progress end first. The methods of a closed client throw IllegalStateException.
 */
public final class Client implements AutoCloseable {
    static final Cleaner CLEANER = Cleaner.create();
    private static final int NODE = 18; // bytes of a node in Native.route(): 16 of the address, 2 of the port
    private final Handle handle;
    private final Cleaner.Cleanable memory;
    private volatile boolean closed;

    /** With the options of the environment: LARS_ADDRESS, LARS_PORT, LARS_DIR. */
    public Client() {
        this(null, 0, null, 0);
    }

    /** An option that is null or 0 has the preset of lars.h. */
    public Client(String address, int port, String dir, int timeoutMs) {
        if (port < 0 || port > 65535) {
            throw new IllegalArgumentException("port " + port);
        }
        long p = Native.open(address, port, dir, timeoutMs);

        if (p < 0 && p > -4096) {
            throw new LarsException((int) p);
        }
        Handle h = new Handle(p);

        handle = h;
        memory = CLEANER.register(this, h::release);
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

    /** Begins a call: picks a node for it. close() reports it as failed unless it was reported. */
    public Call call(int modid, int cmdid) {
        return call(modid, cmdid, 0);
    }

    /** The same with a key, for modules whose policy is hash. */
    public Call call(int modid, int cmdid, long key) {
        Call call = new Call(this, true);
        int rc = call.tryBegin(modid, cmdid, key);

        if (rc < 0) {
            call.free();
        }
        LarsException.check(rc);
        return call;
    }

    /** A call that can be begun again and again, without an allocation. */
    public Call newCall() {
        return new Call(this, false);
    }

    /** A request that may be tried at several nodes. */
    public Attempts attempts(int modid, int cmdid) {
        checkOpen();
        return new Attempts(this, modid, cmdid);
    }

    /** Makes the agent load the routes of a module before they are needed. */
    public void register(int modid, int cmdid) {
        Handle h = retained();

        try {
            LarsException.check(Native.register(h.p, modid, cmdid));
        } finally {
            h.release();
        }
    }

    /** All nodes of a module. */
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
