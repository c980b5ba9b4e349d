package org.lars;

/** A result below zero of lars.h. */
public class LarsException extends RuntimeException {
    private static final long serialVersionUID = 1;
    private static final int ENOENT = -2;
    private static final int EINTR = -4;
    private static final int EAGAIN = -11;
    private static final int EINVAL = -22;
    private static final int ETIME = -62;
    private static final int ETIMEDOUT = -110;
    private static final int EINPROGRESS = -115;

    /** The result. */
    private final int code;

    LarsException(int code, String text) {
        super(text);
        this.code = code;
    }

    /**
     * The result.
     *
     * @return a negative errno code
     */
    public int code() {
        return code;
    }

    /**
     * The name of the errno code.
     *
     * @return such as "ENOENT"
     */
    public String name() {
        return Native.name(code);
    }

    /**
     * May the same call succeed a little later, without a change of the program?
     *
     * @return true for EAGAIN, ETIMEDOUT, EINTR and EINPROGRESS
     */
    public boolean isRetriable() {
        return code == EAGAIN || code == ETIMEDOUT || code == EINTR || code == EINPROGRESS;
    }

    /**
     * Throws for a result below zero. The text for EINVAL, which names the argument, is that of this
     * thread: nothing between the native function and here lets a virtual thread change its carrier.
     */
    static int check(int rc) {
        String text = rc == EINVAL ? Native.text(Native.lastError()) : "";

        if (rc < 0) {
            throw of(rc, text.isEmpty() ? Native.describe(rc) : text);
        }
        return rc;
    }

    private static LarsException of(int rc, String text) {
        switch (rc) {
            case EAGAIN:
                return new OverloadedException(rc, text);
            case ENOENT:
                return new NotFoundException(rc, text);
            case ETIME:
            case ETIMEDOUT:
                return new TimedOutException(rc, text);
            default:
                return new LarsException(rc, text);
        }
    }
}
