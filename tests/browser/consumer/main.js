import { createElement } from "react";
import { createRoot } from "react-dom/client";
import { Checkout } from "./checkout.tsx";

createRoot(document.getElementById("root")).render(createElement(Checkout));
