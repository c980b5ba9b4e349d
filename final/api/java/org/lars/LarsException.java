package org.lars;

/** A result below zero of lars.h. */
public final class LarsException extends RuntimeException {
    private static final long serialVersionUID = 1;
    private final int code;

    LarsException(int code) {
        super(Native.describe(code));
        this.code = code;
    }

    /** The result: a negative errno code. */
    public int code() {
        return code;
    }

    /** The name of the errno code, such as "ENOENT". */
    public String name() {
        return Native.name(code);
    }

    static int check(int rc) {
        if (rc < 0) {
            throw new LarsException(rc);
        }
        return rc;
    }
}
