package org.lars;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Which way the calls of a client take, why they take no better one, and how many there were. */
public final class Status {
    /** Where the node of a call came from. The order is that of enum lars_path. */
    public enum Path {
        /** There was no node. */
        NONE,
        /** Shared memory. */
        SHM,
        /** The agent, by UDP. */
        UDP,
        /** The file of routes, because the agent does not answer. */
        FILE
    }

    // Offsets in struct lars_status, which larsjni.c checks.
    private static final int PATH = 4;
    private static final int SHM_ERROR = 8;
    private static final int AGENT_ALIVE = 12;
    private static final int SHM_FILE = 16;
    private static final int SHM_WHY = 272;
    private static final int BEGUN = 528;
    private static final int ENDED = 560;
    private static final int TOOK = 592;
    private static final int END = 848;
    private final byte[] raw;
    private final ByteBuffer in;

    Status(byte[] raw) {
        this.raw = raw;
        this.in = ByteBuffer.wrap(raw).order(ByteOrder.nativeOrder());
    }

    /**
     * Where the node of a call of this thread comes from now.
     *
     * @return the path
     */
    public Path path() {
        return Path.values()[in.getInt(PATH)];
    }

    /**
     * Why the path is not shared memory.
     *
     * @return a negative errno code; 0 = it is shared memory
     */
    public int error() {
        return in.getInt(SHM_ERROR);
    }

    /**
     * The file or folder that error() is about.
     *
     * @return its name; "" = none
     */
    public String file() {
        return text(SHM_FILE, SHM_WHY);
    }

    /**
     * Why the path is not shared memory, and what mends it.
     *
     * @return a sentence; "" = it is shared memory
     */
    public String why() {
        return text(SHM_WHY, BEGUN);
    }

    /**
     * Does the agent's heartbeat show that it runs?
     *
     * @return 1 yes, 0 no, -1 there is no heartbeat
     */
    public int agentAlive() {
        return in.getInt(AGENT_ALIVE);
    }

    /**
     * The nodes that were asked for.
     *
     * @param from where they came from
     * @return how many, since the client was opened
     */
    public long begun(Path from) {
        return in.getLong(BEGUN + 8 * from.ordinal());
    }

    /**
     * The calls that have ended.
     *
     * @param outcome how they went
     * @return how many, since the client was opened
     */
    public long ended(Outcome outcome) {
        return in.getLong(ENDED + 8 * outcome.ordinal());
    }

    /**
     * The calls that ended well or failed, by duration.
     *
     * @return [0] less than 1 microsecond, [i] from 2^(i-1) to less than 2^i, the last one all longer
     */
    public long[] took() {
        long[] out = new long[(END - TOOK) / 8];

        for (int i = 0; i < out.length; i++) {
            out[i] = in.getLong(TOOK + 8 * i);
        }
        return out;
    }

    private String text(int from, int to) {
        return Native.text(Arrays.copyOfRange(raw, from, to));
    }
}
