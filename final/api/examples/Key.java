import org.lars.Call;
import org.lars.Client;
import org.lars.LarsException;

/** Key MODID CMDID TEXT: equal texts get the same node, in a module whose policy is hash. */
public final class Key {
    public static void main(String[] args) {
        int modid = Integer.parseUnsignedInt(args[0]);
        int cmdid = Integer.parseUnsignedInt(args[1]);

        try (Client client = new Client();
                Call call = client.call(modid, cmdid, Client.key(args[2]))) {
            System.out.println(call.address());
            call.ok();
        } catch (LarsException e) {
            System.err.println("key: " + e.getMessage());
            System.exit(1);
        }
    }
}
