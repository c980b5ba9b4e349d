package org.lars;

import java.lang.ref.Cleaner;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The way to this host's agent. Any thread may use it; it is closed when no thread is in a
 * call any more.
 */
public final class Client implements AutoCloseable {
    static final Cleaner CLEANER = Cleaner.create();
    private long handle; // 0 = closed

    /** As the environment says: LARS_ADDRESS, LARS_PORT, LARS_DIR. */
    public Client() {
        this(null, 0, null, 0);
    }

    /** Null and 0: as lars.h has it. */
    public Client(String address, int port, String dir, int timeoutMs) {
        if (port < 0 || port > 65535) {
            throw new IllegalArgumentException("port " + port);
        }
        long h = Native.open(address, port, dir, timeoutMs);

        if (h < 0 && h > -4096) {
            throw new LarsException((int) h);
        }
        handle = h;
    }

    long handle() {
        if (handle == 0) {
            throw new IllegalStateException("the client is closed");
        }
        return handle;
    }

    /** A node for one call; close() reports it as failed unless ok() was said. */
    public Call call(int modid, int cmdid) {
        return call(modid, cmdid, 0);
    }

    /** The same for modules that choose by a key. */
    public Call call(int modid, int cmdid, long key) {
        Call call = new Call(this);

        call.begin(modid, cmdid, key);
        return call;
    }

    /** A call to be begun, again and again: nothing is allocated for it. */
    public Call newCall() {
        return new Call(this);
    }

    /** Nodes to try one after the other. */
    public Attempts attempts(int modid, int cmdid) {
        return new Attempts(this, modid, cmdid);
    }

    /** Make the agent know the module before it is needed. */
    public void register(int modid, int cmdid) {
        LarsException.check(Native.register(handle(), modid, cmdid));
    }

    /** All nodes of the module. */
    public List<InetSocketAddress> route(int modid, int cmdid) {
        int[] rc = new int[1];
        byte[] all = Native.route(handle(), modid, cmdid, rc);
        int n = LarsException.check(rc[0]);
        List<InetSocketAddress> out = new ArrayList<>(n);

        for (int i = 0; i < n; i++) {
            byte[] ip = Arrays.copyOfRange(all, i * 18, i * 18 + 16);
            int port = (all[i * 18 + 16] & 255) << 8 | all[i * 18 + 17] & 255;

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

    @Override
    public void close() {
        if (handle != 0) {
            Native.close(handle);
        }
        handle = 0;
    }
}
