import { TelltaleProvider, useBehaviorTracking } from "@telltale/react";
import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";

const said = new URLSearchParams(location.search);

function Form({ user }) {
  const { analyzeNow, currentTrustScore, needsCaptcha } = useBehaviorTracking(user);
  return (
    <>
      <input id="field" />
      <button id="analyze" onClick={analyzeNow}>Analyze</button>
      <p id="answer">{`trust ${currentTrustScore}, captcha ${needsCaptcha}`}</p>
    </>
  );
}

function Other() {
  return <p id="other">{String(useBehaviorTracking().currentTrustScore)}</p>;
}

function App() {
  const [user, setUser] = useState(said.get("user"));
  const [mounted, setMounted] = useState(true);
  if (!mounted) return <p id="gone">gone</p>;
  return (
    <TelltaleProvider options={{ key: said.get("key"), endpoint: said.get("endpoint") }}>
      <Form user={user} />
      <Other />
      <button id="sign-out-and-in" onClick={() => setUser("u-2")}>Other user</button>
      <button id="unmount" onClick={() => setMounted(false)}>Unmount</button>
    </TelltaleProvider>
  );
}

createRoot(document.getElementById("root")).render(<StrictMode><App /></StrictMode>);
