# SPDX-License-Identifier: Apache-2.0
"""Look at a page with a real browser, through its DevTools' pipe.

	browser.py CHECK PAGE SHOTS TEXT...

For each colour scheme and width: nothing but the page is asked for, nothing is complained of (policy, console), each
plot has a size, each TEXT is there to be seen, every text stands out from its ground, nothing is wider than the
screen. Pictures, and the page as it is printed, go to SHOTS-*. CHECK is clean, or violates: then the browser must
have complained of the page's policy. Prints what is wrong; the exit status is 1 then.
"""
import base64, json, os, select, shutil, subprocess, sys, tempfile, time

WAIT = 60  # seconds, on a busy machine
WIDTHS = {"wide": 1280, "phone": 390}

wrong = []


class Browser:
    """NUL-ended JSON on descriptors 3 and 4; no port is opened."""

    def __init__(self):
        self.home = tempfile.mkdtemp()
        to_it, self.out = os.pipe()
        self.inn, from_it = os.pipe()
        self.pending, self.number, self.events = b"", 0, []
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                   "--hide-scrollbars", "--remote-debugging-pipe", f"--user-data-dir={self.home}", "about:blank"]
        ends = {3: to_it, 4: from_it}

        def place():
            spare = {fd: os.dup(end) for fd, end in ends.items()}
            spare = {fd: os.dup2(end, 10 + fd) for fd, end in spare.items()}
            for fd, end in spare.items():
                os.dup2(end, fd, inheritable=True)

        self.process = subprocess.Popen(command, preexec_fn=place, close_fds=False, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        env={"PATH": os.environ["PATH"], "HOME": self.home, "LANG": "C.UTF-8"})
        os.close(to_it)
        os.close(from_it)
        self.session = None
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime", "Audits"):
            self.ask(domain + ".enable")

    def read(self):
        end = time.monotonic() + WAIT
        while b"\0" not in self.pending:
            if not select.select([self.inn], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError("the browser says nothing")
            piece = os.read(self.inn, 1 << 20)
            if not piece:
                raise EOFError("the browser has gone")
            self.pending += piece
        message, self.pending = self.pending.split(b"\0", 1)
        return json.loads(message)

    def ask(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def wait_for(self, method):
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.read())

    def open(self, url):
        self.events.clear()
        self.ask("Page.navigate", url=url)
        self.wait_for("Page.loadEventFired")
        self.value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def value(self, expression):
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def close(self):
        self.session = None
        try:
            self.ask("Browser.close")
            self.process.wait(WAIT)
        except (OSError, EOFError, RuntimeError, TimeoutError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.home, ignore_errors=True)


# Texts that stand out too little from what is behind them (WCAG 2: 4.5 to 1): of HTML, and in cells of the map.
CONTRAST = """(() => {
	const number = text => text.match(/[\\d.]+/g).map(Number);
	const luminance = c => [.2126, .7152, .0722].reduce((sum, weight, i) => {
		const x = c[i] / 255;
		return sum + weight * (x <= .04045 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4);
	}, 0);
	const ratio = (a, b) => { const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p); return (x + .05) / (y + .05); };
	const ground = e => {
		for (; e; e = e.parentElement) {
			const c = number(getComputedStyle(e).backgroundColor);
			if (c.length == 3 || c[3] > 0) return c;
		}
		return [255, 255, 255];
	};
	const bad = [];
	for (const e of document.body.querySelectorAll('*')) {
		const svg = e.namespaceURI.endsWith('svg');
		if (![...e.childNodes].some(n => n.nodeType == 3 && n.data.trim()) || svg && e.tagName != 'text') continue;
		const style = getComputedStyle(e);
		const rect = e.classList.contains('cell') && e.parentElement.querySelector('rect');
		const behind = rect ? number(getComputedStyle(rect).fill) : ground(e);
		const r = ratio(number(svg ? style.fill : style.color), behind);
		if (r < 4.5) bad.push(e.tagName + '.' + e.getAttribute('class') + ' ' + r.toFixed(2));
	}
	return [...new Set(bad)];
})()"""

PLOTS = """[...document.querySelectorAll('.plot svg')].map(e => {
	const box = e.getBoundingClientRect();
	const marks = [...e.querySelectorAll('rect, path, line')].filter(m => m.getBBox().width + m.getBBox().height > 0);
	return [e.id, Math.round(box.width), Math.round(box.height), marks.length];
})"""


def complaints(browser):
    found, asked = [], []
    for event in browser.events:
        method, p = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent":
            asked.append(p["request"]["url"])
        elif method == "Log.entryAdded":
            found.append("log: " + p["entry"]["text"])
        elif method == "Runtime.consoleAPICalled":
            found.append("console: " + str(p["args"])[:200])
        elif method == "Runtime.exceptionThrown":
            found.append("exception: " + str(p)[:200])
        elif method == "Audits.issueAdded":
            found.append("issue: " + p["issue"]["code"])
        elif method == "Page.javascriptDialogOpening":
            found.append("dialog: " + p["message"])
    return found, asked


def look(browser, url, scheme, width, texts, shots):
    where = f"{scheme}, {width} wide: "
    browser.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.ask("Emulation.setDeviceMetricsOverride", width=width, height=1000, deviceScaleFactor=1, mobile=False)
    browser.open(url)
    for plot, wide, high, marks in browser.value(PLOTS):
        if wide < 300 or high < 10 or marks < 1:
            wrong.append(f"{where}{plot} is {wide} by {high}, with {marks} marks")
    shown = browser.value("document.body.innerText")
    wrong.extend(f"{where}'{text}' is not to be seen" for text in texts if text not in shown)
    wrong.extend(f"{where}hard to read: {bad}" for bad in browser.value(CONTRAST))
    across = browser.value("document.documentElement.scrollWidth")
    if across > width:
        wrong.append(f"{where}the page is {across} wide")
    ground = browser.value("getComputedStyle(document.documentElement).backgroundColor")
    if (ground == "rgb(255, 255, 255)") != (scheme == "light"):
        wrong.append(f"{where}its ground is {ground}")
    picture = browser.ask("Page.captureScreenshot", captureBeyondViewport=True)
    with open(f"{shots}-{scheme}-{width}.png", "wb") as f:
        f.write(base64.b64decode(picture["data"]))
    found, asked = complaints(browser)
    wrong.extend(where + complaint for complaint in found)
    if asked != [url]:
        wrong.append(f"{where}asked for {asked}")


def print_page(browser, shots):
    """What is folded on the screen is on paper: a table that nobody opened."""
    browser.ask("Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    high = browser.value("(e => e ? e.getBoundingClientRect().height : -1)(document.querySelector('details table'))")
    if high == 0:
        wrong.append("on paper: a table is still folded")
    ground = browser.value("getComputedStyle(document.documentElement).backgroundColor")
    if ground != "rgb(255, 255, 255)":
        wrong.append(f"on paper: its ground is {ground}")
    with open(f"{shots}.pdf", "wb") as f:
        f.write(base64.b64decode(browser.ask("Page.printToPDF", printBackground=False)["data"]))


def main():
    check, page, shots, texts = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
    url = "file://" + os.path.realpath(page)
    browser = Browser()
    try:
        if check == "violates":
            browser.open(url)
            found, asked = complaints(browser)
            if not any("Content Security Policy" in complaint for complaint in found):
                wrong.append(f"the browser did not complain, but: {found}, {asked}")
        else:
            for scheme in ("light", "dark"):
                for width in WIDTHS.values():
                    look(browser, url, scheme, width, texts, shots)
            print_page(browser, shots)
    finally:
        browser.close()
    print(*wrong, sep="\n")
    sys.exit(1 if wrong else 0)


main()
