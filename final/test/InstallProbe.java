import org.lars.Call;
import org.lars.Client;

/** As install_probe.c, for the installed lars.jar: one call of module 1/1, reported as a success. */
final class InstallProbe {
    public static void main(String[] args) {
        try (Client client = new Client();
                Call call = client.call(1, 1)) {
            if (call.ok() != 0) {
                throw new IllegalStateException("the report was refused");
            }
            System.out.println("ok, " + call.address());
        }
    }
}
