import { iconSource } from "../../kit/icons";

Component({
  properties: { name: String, color: { type: String, value: "#b3241f" }, size: { type: Number, value: 48 } },
  data: { source: "" },
  observers: {
    "name, color"(name: string, color: string) {
      this.setData({ source: iconSource(name, color) });
    },
  },
});
