"""Ways out of a kernel's walls, tried from inside by `isolation`: source of cells, one for each wall.

Each shows one document, {"holds": true or false}. `told` is what the host says: paths, ports, limits.
"""

# what does not hold, in the words of the sentence
WALLS = {
    "read": "files of this machine can be read",
    "write": "files of this machine can be changed",
    "network": "the network can be reached",
    "host": "processes or variables of this machine can be seen",
    "user": "code runs with this account's rights",
    "processes": "any number of processes can be started",
    "disk": "any amount can be written to its folder",
    "memory": "any amount of memory can be used",
}

HEAD = """
import ctypes, os, signal, socket, subprocess, sys, time
told = {0!r}
def show(holds):
    from IPython.display import display
    display({{"application/vnd.ssl-course.values+json": {{"holds": bool(holds)}}}}, raw=True)
def works(action):
    try:
        return action() is not False
    except BaseException:
        return False
"""
ATTEMPTS = {
    "read": """
def read(path):
    return bool(os.listdir(path) if os.path.isdir(path) else open(path).read())
show(not [path for path in told["paths"] if works(lambda: read(path))])""",
    "write": """
places = [told["folder"], os.path.dirname(told["library"]), os.path.dirname(sys.modules["os"].__file__),
          "/", "/usr", "/etc", "/dev", os.environ.get("COURSE_BUNDLES", "/")]
import course_lib
places += [os.path.dirname(course_lib.__file__), os.environ.get("COURSE_CACHE", "/")]
names = [os.path.join(place, "course-probe-was-here") for place in places]
done = [name for name in names if works(lambda: open(name, "w").close())]
for name in done:
    os.remove(name)
files = [p for p in (told["secret"], course_lib.__file__) if os.path.exists(p)]
done += [p for p in files if works(lambda: open(p, "a").close())]
show(not done)""",
    "network": """
def udp():
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); one.connect(("192.0.2.1", 53)); one.send(b"x")
def abstract():
    one = socket.socket(socket.AF_UNIX); one.settimeout(3); one.connect("\\0" + told["name"])
show(not works(lambda: socket.create_connection(("127.0.0.1", told["port"]), 3)) and not works(udp)
     and not works(abstract) and not works(lambda: socket.getaddrinfo("example.org", 80)))""",
    "host": """
numbers = [name for name in os.listdir("/proc") if name.isdigit()] if os.path.isdir("/proc") else ["?"] * 99
texts = [" ".join(os.environ.values()), " ".join(sys.argv)]
for number in numbers:
    for name in ("environ", "cmdline"):
        if works(lambda: texts.append(open(f"/proc/{number}/{name}").read())): pass
seen = [text for text in texts if told["folder"] in text or told["home"] in text.split(os.sep * 2)]
show(len(numbers) < 12 and not seen and not works(lambda: os.kill(told["pid"], 0)))""",
    "user": """
state = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
powers = int(state["CapEff"], 16) or int(state["CapBnd"], 16) or state.get("NoNewPrivs", "0").strip() != "1"
owner = os.stat("/usr").st_uid == os.getuid()  # this is so when the user inside is root outside
namespace = works(lambda: ctypes.CDLL(None).unshare(0x10000000) == 0)
show(os.getuid() != 0 and not owner and not powers and not namespace)""",
    "processes": """
started = []
try:
    for _ in range(told["limit"] + 8):
        started.append(subprocess.Popen(["/bin/sleep", "60"], stdin=-3, stdout=-3))
    held = False
except OSError:
    held = True
for one in started:
    one.kill(); one.wait()
show(held)""",
    "disk": """
def fill(folder):
    name = os.path.join(folder, "large")
    try:
        with open(name, "wb") as file:
            for _ in range(4 * told["disk"] // 1_000_000):
                file.write(bytes(1_000_000))
    finally:
        os.remove(name)
show(not [folder for folder in (os.path.expanduser("~"), "/tmp", "/dev/shm", "/run/kernel")
          if works(lambda: fill(folder))])""",
    "memory": """
held = []
try:
    for _ in range(3 * told["memory"] // 10_000_000):
        held.append(bytearray(b"x") * 10_000_000); time.sleep(0.005)
    show(False)
except MemoryError:
    held = []
    show(True)""",
}
